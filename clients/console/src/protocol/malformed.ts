/** What came from the other end is not what the protocol says. */
export class Malformed extends Error {
  override readonly name = "Malformed";
}
