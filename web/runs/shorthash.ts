// Short names for links: FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), 32 bits over UTF-8,
// written to base 36. A link then stays short whatever the runs are called; two names out of a
// hundred share a hash with a chance of one in a million.

export function shortHash(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) {
    hash ^= byte;
    hash = Math.imul(hash, 0x01000193) >>> 0;
  }
  return hash.toString(36);
}
