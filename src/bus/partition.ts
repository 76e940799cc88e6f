/**
 * The partition of a subject, by Kafka's own default rule for keys, so that any Kafka tool that writes or looks up by key agrees.
 *
 * @param partitions at least 1
 * @returns 0 to partitions - 1
 * @see org.apache.kafka.clients.producer.internals.BuiltInPartitioner.partitionForKey
 */
export function partitionOf(subject: string, partitions: number): number {
  return (murmur2(Buffer.from(subject, 'utf8')) & 0x7fff_ffff) % partitions
}

const multiplier = 0x5bd1_e995
const seed = 0x9747_b28c

/** MurmurHash2, 32 bits, with Kafka's seed. */
function murmur2(bytes: Buffer): number {
  let hash = seed ^ bytes.length
  const wholeWords = bytes.length & ~3
  for (let at = 0; at < wholeWords; at += 4) {
    const word = Math.imul(bytes.readInt32LE(at), multiplier)
    hash = Math.imul(hash, multiplier) ^ Math.imul(word ^ (word >>> 24), multiplier)
  }
  const rest = bytes.length - wholeWords
  if (rest > 0) hash = Math.imul(hash ^ bytes.readUIntLE(wholeWords, rest), multiplier)
  hash = Math.imul(hash ^ (hash >>> 13), multiplier)
  return hash ^ (hash >>> 15)
}
