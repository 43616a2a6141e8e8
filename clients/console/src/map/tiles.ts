/** Raster tiles that the operator of the server has laid beside it; most have none, and then there is the plain map. */
import type { Tiles } from "./chart";

const ABOUT = "/tiles/";

/** undefined: none, or they cannot be asked for, and the plain map is there all the same. */
export async function readTiles(): Promise<Tiles | undefined> {
  try {
    const answer = await fetch(ABOUT);
    if (!answer.ok) return undefined;
    const { levels, attribution } = (await answer.json()) as Tiles;
    return levels.length > 0 ? { levels, attribution } : undefined;
  } catch (error) {
    if (error instanceof TypeError || error instanceof SyntaxError) return undefined; // no network, or no JSON
    throw error;
  }
}
