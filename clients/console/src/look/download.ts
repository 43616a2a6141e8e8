/** Gives a file to the browser's downloads; it never leaves this computer. */
export function download(name: string, content: BlobPart, type: string): void {
  const address = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000); // the browser has begun to read it by then
}

const LONGEST_STEM = 80;
const EXTENSION = /\.[a-z0-9]{1,8}$/i;

/** `text` as a file's name on any system; a long one loses its end but not its extension. */
export function fileName(text: string): string {
  const plain = text
    .normalize("NFKC")
    .replace(/[^\p{Letter}\p{Number} ._-]+/gu, "_")
    .trim();
  const extension = EXTENSION.exec(plain)?.[0] ?? "";
  const stem = [...plain.slice(0, plain.length - extension.length)].slice(0, LONGEST_STEM).join("");
  return `${stem}${extension}` || "_";
}
