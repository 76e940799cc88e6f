import { type KeyObject, sign, verify } from 'node:crypto'
import { type Checkpoint, parseCheckpoint } from './checkpoint.ts'
import { type NoteSignature, type NoteVerifier, openNote, parseAnyVkey } from './note.ts'

/** A witness whose word counts: it saw a checkpoint of the log that extends every one it saw before. */
export interface Witness {
  readonly name: string
  /** 8 lower-case hex digits */
  readonly keyId: string
  readonly vkey: string
  readonly publicKey: KeyObject
  readonly verifier: NoteVerifier
}

export interface Cosignature {
  readonly name: string
  readonly keyId: string
  /** what the witness's clock said */
  readonly time: Date
}

/** Key type of cosignature/v1. @see C2SP signed-note */
const cosignatureV1 = 0x04
const timeBytes = 8
const signatureBytes = timeBytes + 64
/** A time that a Date can hold. */
const maxSeconds = 8_640_000_000_000n

/** @throws {Error} in one sentence: it is no vkey of a witness */
export function parseWitnessVkey(vkey: string): Witness {
  const { type, name, keyId, publicKey } = parseAnyVkey(vkey)
  if (type !== cosignatureV1)
    throw new Error(`the verifier key of ${name} is no witness's: its type is ${type}, and cosignature/v1 has ${cosignatureV1}`)
  const verifies = (text: string, signature: Buffer) => {
    const seconds = secondsOf(signature)
    return seconds !== undefined && verify(null, Buffer.from(cosigned(text, seconds)), publicKey, signature.subarray(timeBytes))
  }
  return { name, keyId, vkey, publicKey, verifier: { name, keyId, verify: verifies } }
}

/**
 * Several witnesses, each named once: a quorum is worth nothing where one counts twice.
 *
 * @throws {Error} in one sentence
 */
export function parseWitnesses(vkeys: readonly string[]): readonly Witness[] {
  const witnesses = vkeys.map(parseWitnessVkey)
  for (const [place, witness] of witnesses.entries()) {
    const twin = witnesses
      .slice(0, place)
      .find(({ name, publicKey }) => name === witness.name || publicKey.equals(witness.publicKey))
    if (twin !== undefined) throw new Error(`${twin.name} and ${witness.name} have one name or one key: each witness counts once`)
  }
  return witnesses
}

/** When a cosignature says it was made; undefined when it can't be one. Proves nothing by itself. */
export function cosignatureTime({ signature }: NoteSignature): Date | undefined {
  const seconds = secondsOf(signature)
  return seconds === undefined ? undefined : new Date(Number(seconds) * 1000)
}

function secondsOf(signature: Buffer): bigint | undefined {
  if (signature.length !== signatureBytes) return undefined
  const seconds = signature.readBigUInt64BE(0)
  return seconds <= maxSeconds ? seconds : undefined
}

/**
 * What a witness puts after its key id: the time and the signature.
 *
 * @see C2SP tlog-cosignature v1.0.1
 */
export function cosign(text: string, privateKey: KeyObject, time: Date): Buffer {
  const seconds = BigInt(Math.floor(time.getTime() / 1000))
  const bytes = Buffer.alloc(timeBytes)
  bytes.writeBigUInt64BE(seconds)
  return Buffer.concat([bytes, sign(null, Buffer.from(cosigned(text, seconds)), privateKey)])
}

const cosigned = (text: string, seconds: bigint) => `cosignature/v1\ntime ${seconds}\n${text}`

/** A checkpoint and the witnesses, each once, that stand by it. */
export interface CosignedCheckpoint extends Checkpoint {
  readonly cosignatures: readonly Cosignature[]
}

/**
 * Reads a checkpoint that the log has signed and enough witnesses have cosigned.
 *
 * @param witnesses whose cosignatures count; those of others are passed over; @see {@link parseWitnesses}
 * @param quorum how many of them must have cosigned; one with two lines counts once
 * @throws {Error} in one sentence: the note's faults, another log's origin, a witness's bad signature, or too few of them
 */
export function openCosigned(note: string, log: NoteVerifier, witnesses: readonly Witness[], quorum: number): CosignedCheckpoint {
  const { text, verified } = openNote(note, [log, ...witnesses.map(({ verifier }) => verifier)])
  const isOf =
    ({ name, keyId }: { name: string; keyId: string }) =>
    (one: NoteSignature) =>
      one.name === name && one.keyId === keyId
  if (!verified.some(isOf(log)))
    throw new Error(`none of the note's signatures is the log's: ${log.name} (key ${log.keyId}) expected`)
  const checkpoint = parseCheckpoint(text)
  if (checkpoint.origin !== log.name) throw new Error(`the checkpoint is of ${checkpoint.origin}, not of ${log.name}`)
  const cosignatures = new Map<string, Cosignature>()
  for (const { name, keyId } of witnesses) {
    const times = verified.filter(isOf({ name, keyId })).map((one) => cosignatureTime(one)?.getTime() ?? 0)
    if (times.length > 0) cosignatures.set(name, { name, keyId, time: new Date(Math.max(...times)) })
  }
  if (cosignatures.size < quorum) {
    const missing = witnesses.map(({ name }) => name).filter((name) => !cosignatures.has(name))
    throw new Error(
      `${cosignatures.size} of the ${quorum} witnesses asked for cosigned the checkpoint of ${checkpoint.size} entries; not: ${missing.join(', ')}`,
    )
  }
  return { ...checkpoint, cosignatures: [...cosignatures.values()] }
}
