import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { cosign, parseWitnessVkey, type Witness } from '../../src/log/cosignature.ts'
import { keyIdOf, signatureLine, splitNote } from '../../src/log/note.ts'

export interface MadeWitness extends Witness {
  /** a signature line, as a witness answers with it */
  line(note: string, time?: Date): string
}

/** A witness with a key of its own, which cosigns whatever it is given. */
export function madeWitness(name: string, pair = generateKeyPairSync('ed25519')): MadeWitness {
  const raw = rawOf(pair.publicKey)
  const vkey = `${name}+${keyIdOf(name, 4, raw)}+${Buffer.concat([Buffer.of(4), raw]).toString('base64')}`
  const witness = parseWitnessVkey(vkey)
  return {
    ...witness,
    line: (note, time = new Date()) =>
      signatureLine({ ...witness, signature: cosign(splitNote(note).text, pair.privateKey, time) }),
  }
}

function rawOf(publicKey: KeyObject): Buffer {
  return publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
}
