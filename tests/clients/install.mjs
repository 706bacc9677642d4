// `npm install` for tutorials.test.mjs: packages of package.json, in the versions that are installed here, and files.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import path from "node:path";

const HERE = import.meta.dirname;
const listed = JSON.parse(readFileSync(path.join(HERE, "package.json"), "utf8")).devDependencies;
const asked = process.argv.slice(3).filter((argument) => !argument.startsWith("-"));
const unknown = asked.filter((name) => !name.endsWith(".tgz") && !(name.replace(/(?<=.)@[\d.]+$/, "") in listed));
if (unknown.length) {
  console.error(`Not in tests/clients/package.json: ${unknown.join(", ")}`);
  process.exit(1);
}
mkdirSync("node_modules", { recursive: true });
for (const file of asked.filter((name) => name.endsWith(".tgz"))) {
  const target = path.join("node_modules", path.basename(file).replace(/-\d.*$/, ""));
  mkdirSync(target, { recursive: true });
  execFileSync("tar", ["-xzf", file, "-C", target, "--strip-components", "1"]);
}
for (const name of readdirSync(path.join(HERE, "node_modules"))) {
  const link = path.join("node_modules", name);
  if (name !== "scrip-client" && !existsSync(link)) symlinkSync(path.join(HERE, "node_modules", name), link);
}
