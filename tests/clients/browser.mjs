// The browser that the tests drive: a named one, one of this machine, or the one that comes with an npm package.
import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { chromium } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
// The package also brings the libraries that a bare machine lacks, but unpacks them only where it takes itself to be there.
const WITH_LIBRARIES = { AWS_EXECUTION_ENV: "AWS_Lambda_nodejs22.x" };
const UNPACK = 'import it from "@sparticuz/chromium"; process.stdout.write(await it.executablePath());';

/** Starts it, without a window. Its `stop` also removes what was unpacked for it. */
export async function startBrowser() {
  const found = process.env.SCRIP_TEST_CHROMIUM ?? onThisMachine();
  if (found) {
    const browser = await launch(found, {});
    return { browser, stop: () => browser.close() };
  }
  const folder = await mkdtemp(path.join(tmpdir(), "scrip-chromium-"));
  // What Chromium's processes write until they have ended, they write into it.
  const remove = () => rm(folder, { recursive: true, maxRetries: 10, retryDelay: 100 });
  try {
    const executablePath = unpack(folder);
    // The package's own configuration looks for the fonts in /tmp/fonts, and Chromium dies where it finds none.
    const fonts = path.join(folder, "fonts.conf");
    await writeFile(fonts, fontConfiguration(folder));
    const browser = await launch(executablePath, {
      LD_LIBRARY_PATH: path.join(folder, "al2023", "lib"),
      FONTCONFIG_FILE: fonts,
      HOME: folder,
    });
    return { browser, stop: () => browser.close().finally(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
}

function launch(executablePath, env) {
  return chromium.launch({ executablePath, args: ["--no-sandbox"], env: { ...process.env, ...env } });
}

function fontConfiguration(folder) {
  const named = folder.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<?xml version="1.0"?>
<fontconfig>
  <dir>${named}/fonts</dir>
  <cachedir>${named}/fonts-cache</cachedir>
</fontconfig>
`;
}

function onThisMachine() {
  const folders = (process.env.PATH ?? "").split(path.delimiter);
  return folders.flatMap((folder) => NAMES.map((name) => path.join(folder, name))).find(isExecutable);
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function unpack(folder) {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(
      `There is no Chromium on the PATH, and none to bring along for ${process.platform} ${process.arch}. ` +
        "Install one, or name it: make test-clients SCRIP_TEST_CHROMIUM=/path/to/chromium",
    );
  }
  const env = { ...process.env, ...WITH_LIBRARIES, TMPDIR: folder };
  return execFileSync(process.execPath, ["--input-type=module", "--eval", UNPACK], {
    cwd: import.meta.dirname,
    env,
    encoding: "utf8",
  });
}
