/**
 * The bytes of a stream, as long as they are not too many.
 *
 * @returns undefined as soon as there are more than `maxBytes`, whatever the sender said beforehand
 */
export async function readStream(stream: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of stream) {
    size += chunk.length
    if (size > maxBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
