import { generateKeyPairSync } from 'node:crypto'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkpointText, openCheckpoint, parseCheckpoint } from '../../src/log/checkpoint.ts'
import { loadLogKey, loadOrMakeLogKey, newLogKey } from '../../src/log/log-key.ts'
import { emptyRoot, leafHash } from '../../src/log/merkle.ts'
import { noteSigner, parseVkey, signNote } from '../../src/log/note.ts'
import { parseReceipt, receiptText, verifyReceipt } from '../../src/log/receipt.ts'
import { emptyEdge, extend } from '../../src/log/right-edge.ts'

const entries = Array.from({ length: 7 }, (_, place) => `{"kind":"event","n":${place}}`)
const key = newLogKey('lianban.example/dalian')
const { root, proofOf } = extend(emptyEdge, entries.map(leafHash))
const checkpoint = key.signCheckpoint(7, root)
const receipt = receiptText({ index: 4, proof: proofOf(4), checkpoint })
const entry = entries[4] ?? ''

describe('receipts', () => {
  test('proves with the public key alone that the log holds the entry', () => {
    expect(verifyReceipt(receipt, entry, key.vkey)).toEqual({ origin: 'lianban.example/dalian', index: 4, size: 7, root })
    expect(verifyReceipt(receipt, Buffer.from(entry), key.verifier).index).toBe(4)
  })

  test('is written as the specification says', () => {
    const hashes = proofOf(4).map((hash) => `${hash.toString('base64')}\n`)
    expect(receipt).toBe(`c2sp.org/tlog-proof@v1\nindex 4\n${hashes.join('')}\n${checkpoint}`)
    const single = receiptText({ index: 0, proof: [], checkpoint })
    expect(parseReceipt(single)).toEqual({ index: 0, proof: [], checkpoint })
    const withExtra = receiptText({ index: 0, proof: [], checkpoint, extra: Buffer.from('e') })
    expect(withExtra.split('\n')[1]).toBe('extra ZQ==')
    expect(parseReceipt(withExtra).extra).toEqual(Buffer.from('e'))
  })

  test.each([
    ['another entry', receipt, `${entry} `, /entry, index or proof was changed/],
    ['another index', receipt.replace('index 4', 'index 5'), entry, /entry, index or proof was changed/],
    ['an index beyond the log', receipt.replace('index 4', 'index 7'), entry, /beyond the tree of 7/],
    ['a hash less', receipt.replace(/index 4\n.*\n/, 'index 4\n'), entry, /too few hashes/],
    ['a changed size', receipt.replace('\n7\n', '\n8\n'), entry, /signature of lianban.example\/dalian .* is not valid/],
    ['another version', receipt.replace('@v1', '@v2'), entry, /does not begin with/],
    ['a leading zero', receipt.replace('index 4', 'index 04'), entry, /no line "index/],
    ['a short hash', receipt.replace(/index 4\n.{4}/, 'index 4\n'), entry, /hash 1 of the receipt is not 32 bytes/],
    ['a bad extra line', receipt.replace('index', 'extra ?\nindex'), entry, /extra line is not base64/],
    ['extra after index', receipt.replace('index 4\n', 'index 4\nextra ZQ==\n'), entry, /hash 1/],
    ['no checkpoint', receipt.split('\n\n')[0] ?? '', entry, /no empty line/],
    ['carriage returns', receipt.replaceAll('\n', '\r\n'), entry, /no empty line/],
  ])('%s is told in a sentence', (_, text, bytes, message) => {
    expect(() => verifyReceipt(text, bytes, key.vkey)).toThrow(message)
  })

  test("another log's key proves nothing", () => {
    expect(() => verifyReceipt(receipt, entry, newLogKey('lianban.example/dalian').vkey)).toThrow('none of the note')
  })
})

describe('checkpoints', () => {
  test('the empty log has one', () => {
    const text = 'a/b\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n'
    expect(checkpointText({ origin: 'a/b', size: 0, root: emptyRoot })).toBe(text)
    expect(parseCheckpoint(text)).toEqual({ origin: 'a/b', size: 0, root: emptyRoot })
  })

  const good = checkpointText({ origin: 'a', size: 12, root: emptyRoot })
  test.each([
    ['an extension line', `${good}more\n`],
    ['no last newline', good.slice(0, -1)],
    ['a leading zero', good.replace('12', '012')],
    ['a size of 2^53', good.replace('12', '9007199254740992')],
    ['a hex size', good.replace('12', '0x12')],
    ['a short root', good.replace('FU=', '==')],
    ['an empty origin', good.slice(1)],
    ['a space in the origin', `a ${good}`],
  ])('%s is refused', (_, text) => {
    expect(() => parseCheckpoint(text)).toThrow(/checkpoint/)
  })

  test("a key does not speak for another log's origin", () => {
    const { privateKey } = generateKeyPairSync('ed25519')
    const signer = noteSigner('a', privateKey)
    const note = signNote(checkpointText({ origin: 'b', size: 0, root: emptyRoot }), [signer])
    const verifier = { name: signer.name, keyId: signer.keyId, verify: () => true }
    expect(() => openCheckpoint(note, verifier)).toThrow('is of b, not of a')
    expect(() => checkpointText({ origin: 'a+b', size: 0, root: emptyRoot })).toThrow('plus sign')
  })
})

describe("the log's key", () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'lianban-key-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  test('processes that start together get one key, which only its owner can read', async () => {
    const file = path.join(folder, 'deep', 'log.key')
    const keys = await Promise.all(Array.from({ length: 8 }, () => loadOrMakeLogKey(file, 'a/b')))
    expect(new Set(keys.map(({ vkey }) => vkey)).size).toBe(1)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(parseVkey((await loadLogKey(file, 'a/b')).vkey).name).toBe('a/b')
  })

  test('PEM and JWK both do; a key of another kind, a missing one and an open one are refused', async () => {
    const { privateKey } = generateKeyPairSync('ed25519')
    const [pem, jwk, wrong] = [path.join(folder, 'pem'), path.join(folder, 'jwk'), path.join(folder, 'wrong')]
    await writeFile(pem, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 })
    await writeFile(jwk, JSON.stringify(privateKey.export({ format: 'jwk' })), { mode: 0o600 })
    expect((await loadLogKey(pem, 'o')).vkey).toBe((await loadLogKey(jwk, 'o')).vkey)

    const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    await writeFile(wrong, p256.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 })
    await expect(loadLogKey(wrong, 'o')).rejects.toThrow('signs with Ed25519')
    await writeFile(wrong, (await readFile(pem, 'utf8')).slice(0, 60))
    await expect(loadLogKey(wrong, 'o')).rejects.toThrow('no private key in PEM or JWK')
    await expect(loadLogKey(path.join(folder, 'none'), 'o')).rejects.toThrow('does not exist')
    await chmod(pem, 0o640)
    await expect(loadLogKey(pem, 'o')).rejects.toThrow('chmod 600')
  })
})
