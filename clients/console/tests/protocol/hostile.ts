/** Octets that somebody sends who means no good: cut off, changed, or drawn at random, the same in each run. */

export function* hostileOctets(
  whole: readonly Uint8Array<ArrayBuffer>[],
  count: number,
): Generator<Uint8Array<ArrayBuffer>> {
  for (const octets of whole) {
    for (let length = 0; length < octets.length; length += 1) yield octets.slice(0, length);
  }
  const draw = generator(20_261_129);
  for (let round = 0; round < count; round += 1) {
    const octets = round % 2 ? whole[draw(whole.length)]!.slice() : new Uint8Array(draw(64));
    const changes = round % 2 ? 1 + draw(4) : octets.length;
    for (let change = 0; change < changes && octets.length > 0; change += 1) octets[draw(octets.length)] = draw(256);
    yield octets;
  }
}

/** Mulberry32. */
export function generator(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}
