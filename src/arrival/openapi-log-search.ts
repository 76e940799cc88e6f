import { partyPattern } from '../domain/party-id.ts'
import { problems } from '../domain/problems.ts'
import type { JsonObject } from '../domain/text.ts'
import { maxPage } from '../view/queries.ts'
import { digestPattern, entryKinds, maxSubjectCharacters, maxTypeCharacters } from './log-search.ts'
import { base64, closed, index, moment, orEmpty, receipt, schemaRef, storable, text } from './openapi-forms.ts'
import { answer, inPath, inQuery, json, type OperationSpec, ofReading } from './openapi-operation.ts'
import { cursor, limit } from './openapi-page.ts'

const position: JsonObject = { type: 'integer', minimum: 0, maximum: 999_999_999_999_999 }
const partyId = text('id of a party', { pattern: partyPattern })
const kindOfEntry: JsonObject = { enum: [...entryKinds] }
const ofText = (description: string, maxLength: number) => text(description, { maxLength, pattern: storable })

const page: readonly JsonObject[] = [cursor('after'), limit]

/** Reading the log as an auditor, beside the tiles: each token's reading is put on record before the first byte. */
export const logSearchOperations: readonly OperationSpec[] = [
  {
    method: 'get',
    path: '/v1/log/entries',
    operationId: 'searchEntries',
    summary: 'entries in order of index, for auditors; every parameter narrows them',
    secured: true,
    parameters: [
      inQuery('kind', orEmpty(kindOfEntry)),
      inQuery('party', orEmpty(text('who sent or did it: for a key, whose it is', { pattern: partyPattern }))),
      inQuery('type', ofText('event type, of refused events as they named it', maxTypeCharacters)),
      inQuery('subject', ofText('the subject’s code, of events', maxSubjectCharacters)),
      inQuery('subjectKind', ofText('kind of the subject; only together with it', maxSubjectCharacters)),
      inQuery('code', orEmpty({ type: 'string', enum: Object.keys(problems), description: 'problem code of refusals' })),
      inQuery(
        'digest',
        orEmpty(text('of a refusal: SHA-256 of the compact JWS, hex; of an operation as it has it', { pattern: digestPattern })),
      ),
      inQuery('from', orEmpty(moment('received then or later'))),
      inQuery('to', orEmpty(moment('received before then'))),
      ...page,
    ],
    answers: { '200': answer('one page', json(schemaRef('LogEntryPage'))) },
    problems: ['invalid-request', ...ofReading.filter((code) => code !== 'not-found')],
  },
  {
    method: 'get',
    path: '/v1/log/entries/{index}',
    operationId: 'getLogEntry',
    summary: 'one entry of any kind with a fresh receipt, for auditors',
    secured: true,
    parameters: [inPath('index', position)],
    answers: { '200': answer('the entry, proved', json(schemaRef('ProvedEntry'))) },
    problems: ['invalid-request', ...ofReading],
  },
  {
    method: 'get',
    path: '/v1/log/consistency',
    operationId: 'getConsistency',
    summary: 'proof that the log of one size begins with that of another, for auditors',
    secured: true,
    parameters: [
      inQuery('from', { ...position, description: 'the earlier size' }, true),
      inQuery('to', orEmpty({ ...position, description: 'the later size; without it that of the log now' })),
    ],
    answers: { '200': answer('the proof', json(schemaRef('ConsistencyProof'))) },
    problems: ['invalid-request', ...ofReading.filter((code) => code !== 'not-found')],
  },
  {
    method: 'get',
    path: '/v1/log/parties/{party}/keys',
    operationId: 'getKeyHistory',
    summary: 'every key that a party ever had, who vouched for it and revoked it, for auditors',
    secured: true,
    parameters: [inPath('party', partyId)],
    answers: { '200': answer('in order of registration', json(schemaRef('KeyHistory'))) },
    problems: ['invalid-request', ...ofReading],
  },
  {
    method: 'get',
    path: '/v1/log/catalogues',
    operationId: 'getCatalogueHistory',
    summary: 'every catalogue that was put in force, and what it changed, for auditors',
    secured: true,
    parameters: page,
    answers: { '200': answer('one page, oldest first', json(schemaRef('CatalogueHistory'))) },
    problems: ['invalid-request', ...ofReading.filter((code) => code !== 'not-found')],
  },
]

const step = { index, received: moment('when the log took it') }
const signer = closed({ party: text('whose key it was'), kid: text('the key') })
const names: JsonObject = { type: 'array', items: { type: 'string' }, uniqueItems: true }
const listOf = (schema: string, maxItems?: number): JsonObject => ({
  type: 'array',
  items: schemaRef(schema),
  ...(maxItems === undefined ? {} : { maxItems }),
})
const next = text('cursor of the page after this one; absent when there is no more yet')

export const logSearchSchemas: JsonObject = {
  LogEntry: closed(
    {
      index,
      kind: kindOfEntry,
      received: moment('when the log took it'),
      party: text('absent at index 0: nobody could sign yet'),
      type: text('event type; of a refused event as it named it'),
      subjectKind: text('kind of the subject'),
      subject: text('the subject’s code'),
      problem: text('why it was refused', { enum: Object.keys(problems) }),
      entry: text('the bytes that the leaf hash is made of'),
    },
    ['party', 'type', 'subjectKind', 'subject', 'problem'],
  ),
  LogEntryPage: closed({ entries: listOf('LogEntry', maxPage), next }, ['next']),
  ProvedEntry: closed({
    ...step,
    kind: kindOfEntry,
    entry: text('the bytes that the leaf hash is made of'),
    leafHash: base64('RFC 6962 leaf hash of the entry'),
    receipt,
  }),
  ConsistencyProof: closed({
    from: { ...index, description: 'the earlier size' },
    to: { ...index, description: 'the later size' },
    proof: { type: 'array', maxItems: 63, items: base64('a hash; RFC 9162 section 2.1.4') },
  }),
  KeyHistory: closed({ party: text('whose keys they are'), keys: listOf('KeyOfParty') }),
  KeyOfParty: closed(
    {
      kid: text('its name in protected headers', { pattern: '^[\\x21-\\x7e]{1,128}$' }),
      algorithm: { enum: ['ES256', 'EdDSA', 'RS256', 'PS256'] },
      thumbprint: text('RFC 7638, SHA-256', { pattern: '^[A-Za-z0-9_-]{43}$' }),
      jwk: schemaRef('PublicJwk'),
      registered: closed({ ...step, vouchedBy: signer }),
      revoked: closed(
        {
          ...step,
          revokedBy: signer,
          reason: text('for people'),
          compromisedSince: moment('from when on signatures by it are in doubt'),
        },
        ['compromisedSince'],
      ),
      signed: {
        ...closed({ atLeast: { type: 'integer', minimum: 0 }, atMost: { type: 'integer', minimum: 0 } }),
        description:
          'accepted events that it signed; the two differ when the party had several keys at once and sent too many events to look at each',
      },
    },
    ['revoked'],
  ),
  CatalogueHistory: closed({ catalogues: listOf('CatalogueOfLog', maxPage), next }, ['next']),
  CatalogueOfLog: closed(
    {
      ...step,
      version: text('as the catalogue calls itself'),
      appliedBy: signer,
      reason: text('what the operator gave as the reason'),
      files: {
        type: 'object',
        description: 'SHA-256, hex, by name: served at /log/blob/{digest}',
        additionalProperties: { type: 'string', pattern: '^[0-9a-f]{64}$' },
      },
      difference: {
        ...closed(
          Object.fromEntries(['files', 'parties', 'kinds', 'types', 'settings'].map((of) => [of, schemaRef('Difference')])),
        ),
        description: 'to the catalogue before it, by name; `settings` are the other members of catalogue.json',
      },
    },
    // the first catalogue has neither signer nor predecessor
    ['appliedBy', 'reason', 'difference'],
  ),
  Difference: closed({ added: names, removed: names, changed: names }),
}
