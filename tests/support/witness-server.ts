import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { openCheckpoint } from '../../src/log/checkpoint.ts'
import { verifyConsistency } from '../../src/log/merkle.ts'
import type { NoteVerifier } from '../../src/log/note.ts'
import type { WitnessAddress } from '../../src/witness/settings.ts'
import { type MadeWitness, madeWitness } from './made-witness.ts'

export interface WitnessServer {
  readonly address: WitnessAddress
  readonly witness: MadeWitness
  /** sizes of the checkpoints that it cosigned, in order */
  readonly cosigned: readonly number[]
  requests(): number
  /** what it does instead of its duty, until told otherwise */
  misbehave(how: Misbehaviour | undefined): void
  stop(): Promise<void>
}

export type Misbehaviour = (request: { body: string; checkpoint: string; good: string }, response: ServerResponse) => void

/** A witness after the specification, as strict as it asks for. */
export async function startWitnessServer(name: string, log: NoteVerifier): Promise<WitnessServer> {
  const witness = madeWitness(name)
  const cosigned: number[] = []
  let seen: { size: number; root: Buffer } | undefined
  let requests = 0
  let misbehaviour: Misbehaviour | undefined
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    requests += 1
    const body = await text(request)
    const head = body.slice(0, body.indexOf('\n\n')).split('\n')
    const checkpoint = body.slice(body.indexOf('\n\n') + 2)
    if (misbehaviour !== undefined) return misbehaviour({ body, checkpoint, good: witness.line(checkpoint) }, response)
    const { size, root } = openCheckpoint(checkpoint, log)
    const old = Number(head[0]?.replace(/^old /, ''))
    const proof = head.slice(1).map((line) => Buffer.from(line, 'base64'))
    if (request.url !== '/add-checkpoint' || request.method !== 'POST') return response.writeHead(404).end()
    if (old > size) return response.writeHead(400).end()
    if (old !== (seen?.size ?? 0))
      return response.writeHead(409, { 'content-type': 'text/x.tlog.size' }).end(`${seen?.size ?? 0}\n`)
    if (seen !== undefined && !verifyConsistency(seen.size, size, seen.root, root, proof)) return response.writeHead(422).end()
    if (seen === undefined && proof.length > 0) return response.writeHead(422).end()
    seen = { size, root }
    cosigned.push(size)
    return response.end(witness.line(checkpoint))
  }
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => response.writeHead(403).end(String(error)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('no port')
  return {
    address: { url: `http://127.0.0.1:${bound.port}`, witness },
    witness,
    cosigned,
    requests: () => requests,
    misbehave: (how) => {
      misbehaviour = how
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
