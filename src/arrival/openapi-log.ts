import { text } from './openapi-forms.ts'
import { answer, inPath, type OperationSpec, octets, ofReading, plain } from './openapi-operation.ts'

const level = inPath('level', { type: 'integer', minimum: 0, maximum: 6 })
const tile = inPath(
  'tile',
  text('three digits; tiles from 1000 on have further segments before it: x001/234', { pattern: '^[0-9]{3}$' }),
)
const partial = inPath('tile', text('three digits and .p', { pattern: '^[0-9]{3}\\.p$' }))
const width = inPath('width', { type: 'integer', minimum: 1, maximum: 255 })
const hashes = { '200': answer('hashes of 32 bytes, one after another', octets) }
const bundle = { '200': answer('entries, each after its length as a big-endian 16-bit number', octets) }

/** The files of the log, as verifiers read them. */
export const logOperations: readonly OperationSpec[] = [
  {
    method: 'get',
    path: '/log/checkpoint',
    operationId: 'getCheckpoint',
    summary: 'size and root of the log, signed; C2SP tlog-checkpoint',
    answers: { '200': answer('a signed note', plain) },
    problems: [],
  },
  {
    method: 'get',
    path: '/log/vkey',
    operationId: 'getVkey',
    summary: 'the log’s public key, as C2SP signed-note verifier key',
    answers: { '200': answer('one line', plain) },
    problems: [],
  },
  {
    method: 'get',
    path: '/log/tile/{level}/{tile}',
    operationId: 'getTile',
    summary: 'a full tile; C2SP tlog-tiles',
    parameters: [level, tile],
    answers: hashes,
    problems: ['not-found'],
  },
  {
    method: 'get',
    path: '/log/tile/{level}/{tile}/{width}',
    operationId: 'getPartialTile',
    summary: 'the first hashes of a tile',
    parameters: [level, partial, width],
    answers: hashes,
    problems: ['not-found'],
  },
  {
    method: 'get',
    path: '/log/tile/entries/{tile}',
    operationId: 'getEntries',
    summary: 'a full bundle of entries, for auditors; the reading is put on record',
    secured: true,
    parameters: [tile],
    answers: bundle,
    problems: ofReading,
  },
  {
    method: 'get',
    path: '/log/tile/entries/{tile}/{width}',
    operationId: 'getPartialEntries',
    summary: 'the first entries of a bundle, for auditors; the reading is put on record',
    secured: true,
    parameters: [partial, width],
    answers: bundle,
    problems: ofReading,
  },
  {
    method: 'get',
    path: '/log/blob/{digest}',
    operationId: 'getBlob',
    summary: 'a file of a catalogue, for auditors; the reading is put on record',
    secured: true,
    parameters: [inPath('digest', text('SHA-256, hex', { pattern: '^[0-9a-f]{64}$' }))],
    answers: { '200': answer('the file', octets) },
    problems: ofReading,
  },
]
