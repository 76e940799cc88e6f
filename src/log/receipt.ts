import { fromBase64, fromDecimal } from './base64.ts'
import { type Checkpoint, openCheckpoint } from './checkpoint.ts'
import { hashBytes, leafHash, rootFromInclusion } from './merkle.ts'
import { type NoteVerifier, parseVkey } from './note.ts'

export interface Receipt {
  readonly index: number
  /** from the leaf's sibling up */
  readonly proof: readonly Buffer[]
  /** the signed note, verbatim */
  readonly checkpoint: string
  /** not covered by any signature */
  readonly extra?: Buffer
}

const header = 'c2sp.org/tlog-proof@v1'
/** The height of a tree of 2^53 entries, with room. */
const maxProofHashes = 63
const maxReceiptBytes = 256 * 1024

/** @see C2SP tlog-proof */
export function receiptText({ index, proof, checkpoint, extra }: Receipt): string {
  const lines = [header, ...(extra === undefined ? [] : [`extra ${extra.toString('base64')}`]), `index ${index}`]
  for (const hash of proof) lines.push(hash.toString('base64'))
  return `${lines.join('\n')}\n\n${checkpoint}`
}

/** @throws {Error} in one sentence; the proof is not verified and the checkpoint not read */
export function parseReceipt(text: string): Receipt {
  if (Buffer.byteLength(text) > maxReceiptBytes) throw new Error(`the receipt is larger than ${maxReceiptBytes} bytes`)
  const end = text.indexOf('\n\n')
  if (end < 0) throw new Error('the receipt has no empty line before its checkpoint')
  const [first, ...lines] = text.slice(0, end).split('\n')
  if (first !== header) throw new Error(`the receipt does not begin with the line ${header}`)
  const extraLine = lines[0]?.startsWith('extra ') ? lines.shift() : undefined
  const extra = extraLine === undefined ? undefined : fromBase64(extraLine.slice('extra '.length))
  if (extraLine !== undefined && extra === undefined) throw new Error("the receipt's extra line is not base64")
  const indexLine = lines.shift() ?? ''
  const index = indexLine.startsWith('index ') ? fromDecimal(indexLine.slice('index '.length)) : undefined
  if (index === undefined) throw new Error('the receipt has no line "index <decimal>" where it belongs')
  if (lines.length > maxProofHashes) throw new Error(`the receipt has more than ${maxProofHashes} hashes`)
  const proof = lines.map((line, place) => {
    const hash = fromBase64(line)
    if (hash?.length !== hashBytes) throw new Error(`hash ${place + 1} of the receipt is not 32 bytes in base64`)
    return hash
  })
  return { index, proof, checkpoint: text.slice(end + 2), ...(extra === undefined ? {} : { extra }) }
}

/**
 * Proves with nothing but the log's public key that the log holds an entry.
 *
 * @param entry the bytes as logged
 * @param log the log's vkey, or a verifier made of it
 * @throws {Error} that says in a sentence what is wrong
 */
export function verifyReceipt(
  text: string,
  entry: string | Uint8Array,
  log: string | NoteVerifier,
): Checkpoint & { readonly index: number } {
  const receipt = parseReceipt(text)
  const checkpoint = openCheckpoint(receipt.checkpoint, typeof log === 'string' ? parseVkey(log) : log)
  const root = rootFromInclusion(receipt.index, checkpoint.size, leafHash(entry), receipt.proof)
  if (!root.equals(checkpoint.root)) {
    throw new Error(`the receipt does not prove this entry at index ${receipt.index}: entry, index or proof was changed`)
  }
  return { ...checkpoint, index: receipt.index }
}
