/** The sealed vault beside the recordings. It is never the only copy that is being overwritten. */

import type { Bytes } from "./bytes";
import type { Files } from "./files";
import type { SealedVault } from "./vault";

const NAME = "vault.json";
const SECOND = "vault.second.json";

/** Null: nothing was ever recorded here. Throws VaultDamaged: recordings may be here, and nothing opens them. */
export async function readVault(files: Files): Promise<SealedVault | null> {
  const kept = [await files.read(NAME), await files.read(SECOND)].filter((file) => file !== null);
  for (const file of kept) {
    const vault = parsed(file);
    if (vault !== null) return vault;
  }
  if (kept.length > 0) throw new VaultDamaged();
  return null;
}

/** Throws StorageFull; the vault that was there before then still is. */
export async function writeVault(files: Files, vault: SealedVault): Promise<void> {
  const bytes: Bytes = new TextEncoder().encode(JSON.stringify(vault));
  await files.write(SECOND, bytes);
  await files.write(NAME, bytes);
}

export async function removeVault(files: Files): Promise<void> {
  await files.remove(NAME);
  await files.remove(SECOND);
}

export class VaultDamaged extends Error {
  constructor() {
    super("The key of the recordings cannot be read.");
  }
}

function parsed(file: Bytes): SealedVault | null {
  try {
    const vault = JSON.parse(new TextDecoder().decode(file)) as SealedVault;
    return vault.version === 1 ? vault : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
