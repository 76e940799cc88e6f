import { readFile, writeFile } from 'node:fs/promises'
import { RefusedRequest } from '../domain/refusal.ts'
import { isJsonObject } from '../domain/text.ts'
import { importSigningKey, type SigningKey } from '../identity/private-key.ts'
import { importPublicKey, type PublicKey } from '../identity/public-key.ts'
import { CommandFailed } from './command.ts'

/** @throws {CommandFailed} when there is no private JWK in the file */
export async function readSigningKey(file: string): Promise<SigningKey> {
  const jwk = await readJson(file)
  try {
    return await importSigningKey(jwk)
  } catch (error) {
    throw new CommandFailed(`${file}: ${faultOf(error)}; \`lianban keys generate --out FILE\` makes a key`)
  }
}

/** A public JWK with its `kid`, the thumbprint where it has none. */
export async function readPublicKey(file: string): Promise<{ readonly kid: string; readonly publicKey: PublicKey }> {
  const jwk = await readJson(file)
  try {
    const publicKey = importPublicKey(jwk)
    const kid = isJsonObject(jwk) && typeof jwk.kid === 'string' ? jwk.kid : publicKey.thumbprint
    return { kid, publicKey }
  } catch (error) {
    throw new CommandFailed(`${file}: ${faultOf(error)}`)
  }
}

/** `commerce.jwk` becomes `commerce.pub.jwk`. */
export function publicFileOf(file: string): string {
  return `${file.replace(/\.jwk$/, '')}.pub.jwk`
}

/** @throws {CommandFailed} when the file is there already: a key that is overwritten is lost */
export async function writeNewFile(file: string, content: string, mode: number): Promise<void> {
  try {
    await writeFile(file, content, { mode, flag: 'wx' })
  } catch (error) {
    const there = error instanceof Error && 'code' in error && error.code === 'EEXIST'
    throw new CommandFailed(there ? `${file} is there already and is never overwritten; choose another name` : faultOf(error))
  }
}

/** @throws {CommandFailed} that names the file */
export async function readText(file: string): Promise<string> {
  return (await readBytes(file)).toString('utf8')
}

/** @throws {CommandFailed} that names the file */
export async function readBytes(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (error) {
    throw new CommandFailed(`${file} can't be read: ${faultOf(error)}`)
  }
}

async function readJson(file: string): Promise<unknown> {
  const text = await readText(file)
  try {
    return JSON.parse(text)
  } catch {
    // the parser's message would quote the key
    throw new CommandFailed(`${file} is no JSON`)
  }
}

/** What went wrong, in a few words. */
export function faultOf(error: unknown): string {
  if (error instanceof RefusedRequest) return error.refusal.detail.en
  return error instanceof Error ? error.message : String(error)
}
