// A reporter for node --test: the files in which a test failed, a line each, as they are given to it again.
import { relative } from "node:path";

export default async function* failed(events) {
    const files = new Set();
    for await (const { type, data } of events) {
        if (type === "test:fail" && data.file !== undefined) files.add(relative(".", data.file));
    }
    for (const file of files) yield `${file}\n`;
}
