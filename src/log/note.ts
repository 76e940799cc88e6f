import { createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto'
import { fromBase64 } from './base64.ts'

/** Whose signatures a reader of notes believes. */
export interface NoteVerifier {
  readonly name: string
  /** 8 lower-case hex digits */
  readonly keyId: string
  verify(text: string, signature: Buffer): boolean
}

export interface NoteSigner {
  readonly name: string
  readonly keyId: string
  sign(text: string): Buffer
}

export interface NoteSignature {
  readonly name: string
  readonly keyId: string
  /** what follows the key id */
  readonly signature: Buffer
}

export interface OpenedNote {
  /** with its last newline */
  readonly text: string
  /** signatures that were verified, in their order */
  readonly verified: readonly NoteSignature[]
  /** signatures of keys the reader doesn't know */
  readonly unknown: readonly NoteSignature[]
}

/** A specification asks for 16 at least; each costs a reader a verification. */
const maxSignatures = 64
const maxNoteBytes = 64 * 1024
const ed25519 = 0x01
/** What stands before the 32 bytes of an Ed25519 public key in SubjectPublicKeyInfo (RFC 8410 section 4). */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex')

/** @throws {Error} when the text can't be the text of a note */
export function signNote(text: string, signers: readonly NoteSigner[]): string {
  requireNoteText(text)
  return `${text}\n${signers.map((signer) => signatureLine({ ...signer, signature: signer.sign(text) })).join('')}`
}

/** `— <name> <base64>` with its newline: what a witness answers with, too. */
export function signatureLine({ name, keyId, signature }: NoteSignature): string {
  return `— ${name} ${Buffer.concat([Buffer.from(keyId, 'hex'), signature]).toString('base64')}\n`
}

/**
 * Reads a signed note.
 *
 * @throws {Error} in one sentence: malformed, too large, a known key's signature fails, or none is by a known key
 * @see C2SP signed-note v1.0.0
 */
export function openNote(note: string, verifiers: readonly NoteVerifier[]): OpenedNote {
  const { text, signatures } = splitNote(note)
  const verified: NoteSignature[] = []
  const unknown: NoteSignature[] = []
  for (const signature of signatures) {
    const verifier = verifiers.find(({ name, keyId }) => name === signature.name && keyId === signature.keyId)
    if (verifier === undefined) unknown.push(signature)
    else if (verifier.verify(text, signature.signature)) verified.push(signature)
    else throw new Error(`the signature of ${signature.name} (key ${signature.keyId}) on the note is not valid`)
  }
  if (verified.length === 0) throw new Error(`none of the note's signatures is by a known key: ${names(verifiers)} expected`)
  return { text, verified, unknown }
}

/** Text and signatures of a note, none of them verified. */
export function splitNote(note: string): { text: string; signatures: NoteSignature[] } {
  if (Buffer.byteLength(note) > maxNoteBytes) throw new Error(`the note is larger than ${maxNoteBytes} bytes`)
  const end = note.lastIndexOf('\n\n')
  if (end < 0) throw new Error('the note has no empty line before its signatures')
  const text = note.slice(0, end + 1)
  requireNoteText(text)
  const rest = note.slice(end + 2)
  if (!rest.endsWith('\n')) throw new Error('the note does not end with a signature line and a newline')
  const lines = rest.slice(0, -1).split('\n')
  if (lines.length > maxSignatures) throw new Error(`the note has more than ${maxSignatures} signatures`)
  return { text, signatures: lines.map(readSignature) }
}

function readSignature(line: string): NoteSignature {
  const [, name = '', base64 = ''] = /^— ([^ ]+) ([^ ]+)$/u.exec(line) ?? []
  const bytes = fromBase64(base64)
  if (!isKeyName(name) || bytes === undefined || bytes.length < 5) throw new Error('a signature line of the note is malformed')
  return { name, keyId: bytes.subarray(0, 4).toString('hex'), signature: bytes.subarray(4) }
}

function requireNoteText(text: string): void {
  if (!text.endsWith('\n')) throw new Error("the note's text does not end with a newline")
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u0009\u000b-\u001f\u007f]/.test(text)) throw new Error('the note holds a control character')
  if (/\p{Surrogate}/u.test(text)) throw new Error('the note is not well-formed Unicode')
}

/** No white space and no plus sign, which the formats around it use. */
export function isKeyName(name: string): boolean {
  return /^[^\s+\p{Cc}\p{Surrogate}]+$/u.test(name)
}

/** First four bytes of SHA-256(name || 0x0A || type || public key), in hex. */
export function keyIdOf(name: string, type: number, publicKey: Buffer): string {
  return hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(type), publicKey]), 'hex').slice(0, 8)
}

/** `<name>+<key id>+<base64(0x01 || public key)>` */
export function vkeyOf(name: string, publicKey: KeyObject): string {
  const raw = rawPublicKey(publicKey)
  return `${name}+${keyIdOf(name, ed25519, raw)}+${Buffer.concat([Buffer.of(ed25519), raw]).toString('base64')}`
}

/** @throws {Error} when it is no vkey of an Ed25519 key, or its key id is not that of its key */
export function parseVkey(vkey: string): NoteVerifier & { readonly publicKey: KeyObject } {
  const { type, name, keyId, publicKey } = parseAnyVkey(vkey)
  if (type !== ed25519) throw new Error(`the verifier key of ${name} is no Ed25519 key`)
  return { name, keyId, publicKey, verify: (text, signature) => verify(null, Buffer.from(text), publicKey, signature) }
}

/**
 * A vkey of whatever use of an Ed25519 key its type byte names.
 *
 * @throws {Error} when it is malformed, or its key id is not that of its key
 */
export function parseAnyVkey(vkey: string): { type: number; name: string; keyId: string; publicKey: KeyObject } {
  const [, name = '', keyId = '', base64 = ''] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/u.exec(vkey) ?? []
  const bytes = fromBase64(base64)
  const type = bytes?.[0]
  if (!isKeyName(name) || bytes === undefined || type === undefined)
    throw new Error('the verifier key is malformed: <name>+<8 hex digits>+<base64> expected')
  if (bytes.length !== 33) throw new Error(`the verifier key of ${name} is no Ed25519 key`)
  const raw = bytes.subarray(1)
  if (keyId !== keyIdOf(name, type, raw)) throw new Error(`the key id ${keyId} of ${name} does not belong to its key`)
  const publicKey = createPublicKey({ key: Buffer.concat([spkiPrefix, raw]), format: 'der', type: 'spki' })
  return { type, name, keyId, publicKey }
}

/** @param privateKey Ed25519 */
export function noteSigner(name: string, privateKey: KeyObject): NoteSigner {
  if (!isKeyName(name)) throw new Error(`${name} can't name a key: it holds white space or a plus sign`)
  const keyId = keyIdOf(name, ed25519, rawPublicKey(createPublicKey(privateKey)))
  return { name, keyId, sign: (text) => sign(null, Buffer.from(text), privateKey) }
}

function rawPublicKey(publicKey: KeyObject): Buffer {
  if (publicKey.asymmetricKeyType !== 'ed25519') throw new Error(`the log signs with Ed25519, not ${publicKey.asymmetricKeyType}`)
  return publicKey.export({ format: 'der', type: 'spki' }).subarray(spkiPrefix.length)
}

const names = (verifiers: readonly NoteVerifier[]) => verifiers.map(({ name, keyId }) => `${name} (key ${keyId})`).join(' or ')
