/** Gives a file to the browser's downloads; it never leaves this computer. */
export function download(name: string, content: BlobPart, type: string): void {
  const address = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000); // the browser has begun to read it by then
}

/** `text` as part of a file's name on any system. */
export function fileName(text: string): string {
  const plain = text
    .normalize("NFKC")
    .replace(/[^\p{Letter}\p{Number} ._-]+/gu, "_")
    .trim();
  return [...plain].slice(0, 60).join("") || "_";
}
