import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { CannotStart } from '../domain/cannot-start.ts'
import { makeSecretFile } from '../secret-file.ts'
import { type Checkpoint, checkpointText } from './checkpoint.ts'
import { type NoteVerifier, noteSigner, parseVkey, signNote, vkeyOf } from './note.ts'

/** The Ed25519 key that signs a log's checkpoints. Its name is the log's origin. */
export interface LogKey {
  readonly origin: string
  readonly vkey: string
  readonly verifier: NoteVerifier
  /** @returns the checkpoint as a signed note */
  signCheckpoint(size: number, root: Checkpoint['root']): string
}

export function logKeyOf(origin: string, privateKey: KeyObject): LogKey {
  const vkey = vkeyOf(origin, createPublicKey(privateKey))
  const signer = noteSigner(origin, privateKey)
  return {
    origin,
    vkey,
    verifier: parseVkey(vkey),
    signCheckpoint: (size, root) => signNote(checkpointText({ origin, size, root }), [signer]),
  }
}

export function newLogKey(origin: string): LogKey {
  return logKeyOf(origin, generateKeyPairSync('ed25519').privateKey)
}

/**
 * Reads the log's key: PEM (PKCS #8) or a private JWK (OKP, Ed25519).
 *
 * @throws {CannotStart} when it is missing, no such key, or readable by others than its owner
 */
export async function loadLogKey(file: string, origin: string): Promise<LogKey> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const remedy =
      cause.code === 'ENOENT' ? 'it does not exist; restore it from its backup, a log has one key for life' : cause.code
    throw new CannotStart(`the log's key ${file} can't be read: ${remedy}`, { cause })
  })
  const { mode } = await stat(file)
  if ((mode & 0o077) !== 0) throw new CannotStart(`the log's key ${file} can be read by others: run chmod 600 on it`)
  return logKeyOf(origin, readPrivateKey(text, file))
}

/**
 * Reads the log's key, making it (mode 0600) when there is none; processes that start together get the same one.
 *
 * @throws {CannotStart} as {@link loadLogKey} does, or when it can't be made
 */
export async function loadOrMakeLogKey(file: string, origin: string): Promise<LogKey> {
  // checkpoints signed with a key that a power cut takes away could never be continued: the file is synced
  if ((await stat(file).catch(() => undefined)) === undefined) {
    const key = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' })
    await makeSecretFile(file, key).catch((cause: NodeJS.ErrnoException) => {
      throw new CannotStart(
        `the log's key ${file} can't be made (${cause.code}): let LOG_KEY_FILE name a place that this user may write to`,
        {
          cause,
        },
      )
    })
  }
  return loadLogKey(file, origin)
}

function readPrivateKey(text: string, file: string): KeyObject {
  let key: KeyObject
  try {
    key = text.trimStart().startsWith('{') ? createPrivateKey({ key: JSON.parse(text), format: 'jwk' }) : createPrivateKey(text)
  } catch {
    // the cause would show parts of the key
    throw new CannotStart(`${file} holds no private key in PEM or JWK`)
  }
  if (key.asymmetricKeyType !== 'ed25519')
    throw new CannotStart(`${file} holds a ${key.asymmetricKeyType} key: the log signs with Ed25519`)
  return key
}
