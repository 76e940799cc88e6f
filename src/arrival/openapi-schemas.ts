import type { Rules } from '../catalogue/rules.ts'
import { type ProblemCode, problems } from '../domain/problems.ts'
import { parkedCauses } from '../domain/record.ts'
import { maxFindings } from '../domain/refusal.ts'
import { isJsonObject, type Json, type JsonObject } from '../domain/text.ts'

/** Where another part of the document finds a schema. */
export const schemaRef = (name: string): JsonObject => ({ $ref: `#/components/schemas/${name}` })

/** An object with exactly these members; those named in `optional` may be left out. */
export function closed(properties: JsonObject, optional: readonly string[] = []): JsonObject {
  const required = Object.keys(properties).filter((name) => !optional.includes(name))
  return { type: 'object', additionalProperties: false, required, properties }
}

export const text = (description: string, more: JsonObject = {}): JsonObject => ({ type: 'string', description, ...more })
export const index: JsonObject = { type: 'integer', minimum: 0, maximum: 999_999_999_999_999, description: 'place in the log' }
export const moment = (description: string): JsonObject => ({ type: 'string', format: 'date-time', description })
/** A parameter that is empty is as one that is left out. */
export const orEmpty = ({ description = '', ...schema }: JsonObject): JsonObject => ({
  description,
  anyOf: [schema, { type: 'string', maxLength: 0 }],
})
export const base64 = (description: string): JsonObject => ({ type: 'string', pattern: '^[A-Za-z0-9+/]{43}=$', description })

/** One spelling for each signature: the unused bits after the last byte are zero. */
const strictBase64url = '(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-][AQgw]|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048])?'
export const compactJws: JsonObject = {
  type: 'string',
  pattern: `^${strictBase64url}\\.${strictBase64url}\\.${strictBase64url}$`,
}
const jwsPart = (description: string): JsonObject => ({ type: 'string', pattern: `^${strictBase64url}$`, description })

/** Every schema that the document names: ours, and those of the catalogue in force. */
export function schemasOf(rules: Rules): JsonObject {
  const bureaus = rules.bureaus.map(({ id }) => id)
  return {
    ...ownSchemas,
    BureauId: { type: 'string', enum: bureaus, description: 'a bureau of the catalogue in force' },
    Fates: {
      type: 'object',
      description: 'what became of the event, by bureau',
      propertyNames: { enum: bureaus },
      additionalProperties: schemaRef('Fate'),
    },
    Problem: problemSchema,
    Event: {
      description: 'the payload of an event’s JWS: a CloudEvents 1.0 event whose data fit its type',
      oneOf: [...rules.types.keys()].map(schemaRef),
    },
    ...eventSchemas(rules),
  }
}

/** Envelope and data of each type, as the checks have them; the `code` and `checks` in them are the exchange's own keywords. */
function eventSchemas({ catalogue, types, files }: Rules): JsonObject {
  const envelope = fileOf(files, catalogue.envelope)
  const members = isJsonObject(envelope.properties) ? envelope.properties : {}
  const schemas: Record<string, Json> = {}
  for (const [name, { type, senders }] of types) {
    const data = `${name}.data`
    schemas[name] = {
      ...envelope,
      title: type.name.en,
      description: `${type.name.en} · ${type.name.zh}`,
      properties: {
        ...members,
        source: { enum: [...senders].map((sender) => `/bureaus/${sender}`) },
        type: { const: name },
        data: schemaRef(data),
      },
    }
    schemas[data] = rebased(fileOf(files, type.schema), `#/components/schemas/${data}`)
  }
  return schemas
}

function fileOf(files: Rules['files'], name: string): JsonObject {
  const parsed: unknown = JSON.parse(files.get(name) ?? '{}')
  if (!isJsonObject(parsed)) return {}
  const { $schema, ...schema } = parsed
  return schema
}

/** A schema's references to itself, from where it stands in the document. */
function rebased(schema: JsonObject, at: string): JsonObject {
  const walk = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(walk)
    if (!isJsonObject(value)) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) =>
        name === '$ref' && typeof member === 'string' && member.startsWith('#')
          ? [name, `${at}${member.slice(1)}`]
          : [name, walk(member)],
      ),
    )
  }
  return Object.fromEntries(Object.entries(schema).map(([name, member]) => [name, walk(member)]))
}

const findings = (description: string): JsonObject => ({
  type: 'array',
  description,
  maxItems: maxFindings,
  items: schemaRef('Finding'),
})

const problemSchema: JsonObject = {
  ...closed(
    {
      type: text('address of a page about the code', { format: 'uri-reference', pattern: '^/problems/[a-z-]+$' }),
      title: text('what the code means'),
      status: { type: 'integer', enum: [...new Set(Object.values(problems).map(({ status }) => status))].sort() },
      detail: text('what is wrong in this very case'),
      code: text('stable, for programs', { enum: Object.keys(problems) }),
      retryable: { const: true, description: 'the same request may succeed later' },
      index: { ...index, description: 'of the refusal’s own entry, where it is logged' },
      errors: findings('every error of the event at once'),
    },
    ['retryable', 'index', 'errors'],
  ),
  description: 'RFC 9457; English, or Chinese by Accept-Language: zh',
}

/** The problem schema for one status: the codes that can stand there. */
export function problemWith(codes: readonly ProblemCode[]): JsonObject {
  return { allOf: [schemaRef('Problem'), { properties: { code: { enum: [...codes] } } }] }
}

const record = closed(
  {
    bureau: schemaRef('BureauId'),
    kind: text('kind of the subject'),
    subject: text('the subject’s code'),
    status: text('state of the kind’s main layer'),
    layers: {
      type: 'object',
      description: 'states of the other layers, such as {"tax": {"state-tax": "normal"}}',
      additionalProperties: { type: 'object', additionalProperties: { type: 'string' } },
    },
    name: { type: ['string', 'null'] },
    jurisdiction: { type: ['string', 'null'] },
    office: { type: ['string', 'null'], description: 'only for a bureau with an assignment table' },
    data: { type: 'object', description: 'fields that the bureau may see; an operator sees those of persons masked' },
    provenance: {
      type: 'object',
      description: 'by field: the event it came with',
      additionalProperties: closed(
        {
          index,
          source: text('the sending bureau'),
          time: moment('of the event'),
          dismissed: closed({
            index: { ...index, description: 'of an event that would have changed the value, had an operator not dismissed it' },
            operation: { ...index, description: 'of the operator’s request' },
            reason: text('why'),
          }),
        },
        ['dismissed'],
      ),
    },
    firstIndex: index,
    lastIndex: index,
    updatedAt: moment('when the view took in the last event'),
  },
  ['office'],
)

export const receipt = text('C2SP tlog-proof: proves that the entry is in the log', { pattern: '^c2sp\\.org/tlog-proof@v1\\n' })

const whole = {
  index,
  received: moment('when the log took it'),
  entry: text('the bytes that the leaf hash is made of'),
  leafHash: base64('RFC 6962 leaf hash of the entry'),
  receipt,
}

const ownSchemas: JsonObject = {
  Finding: closed({
    pointer: text('JSON Pointer from the event’s root; a missing member is reported at its parent', {
      pattern: '^(/[\\s\\S]*)?$',
    }),
    code: text('stable, for programs'),
    message: text('for people'),
  }),
  CompactJws: { ...compactJws, description: 'RFC 7515 section 7.1, in strict base64url' },
  FlattenedJws: {
    ...closed({
      protected: jwsPart('protected header'),
      payload: jwsPart('a UTF-8 JSON object, see Event'),
      signature: jwsPart('signature'),
    }),
    description: 'RFC 7515 section 7.2.2, without an unprotected header',
  },
  Acceptance: closed({
    index,
    received: moment('when the log took it'),
    leafHash: base64('RFC 6962 leaf hash of the entry'),
    receipt,
    warnings: findings('what is merely odd about the event'),
  }),
  Fate: {
    oneOf: [
      closed({ state: { enum: ['applied', 'pending', 'not-a-receiver'] } }),
      closed({
        state: { const: 'dismissed' },
        reason: text('why an operator took it out of this view'),
        operation: { ...index, description: 'of the operator’s request' },
      }),
      closed(
        {
          state: { const: 'parked' },
          cause: { enum: [...parkedCauses] },
          detail: text('why it could not be applied'),
          behind: { ...index, description: 'of the event of the same subject that must be applied first' },
        },
        ['behind'],
      ),
    ],
  },
  EventForSender: {
    ...closed({ ...whole, type: text('event type'), fate: schemaRef('Fates') }),
    description: 'an event, for its sender and for auditors, proved by a fresh receipt',
  },
  EntryForAuditor: {
    ...closed(whole),
    description: 'an entry that is no event: for auditors, and a refusal for its sender',
  },
  EventForReceiver: {
    ...closed({ index, type: text('event type'), fate: schemaRef('Fates') }),
    description: 'an event, for a bureau that receives it: its fate in that bureau’s own view',
  },
  EventForOperator: {
    ...closed({
      index,
      received: moment('when the log took it'),
      event: closed({
        id: text('the event’s id'),
        source: text('the sending bureau, /bureaus/<id>'),
        type: text('event type'),
        subject: text('the subject’s code'),
        time: moment('when the sender made it'),
        data: { type: 'object', description: 'particulars of persons are masked' },
      }),
      fate: schemaRef('Fates'),
    }),
    description: 'an event, for an operator',
  },
  Record: record,
  RecordPage: closed(
    { records: { type: 'array', maxItems: 100, items: schemaRef('Record') }, next: text('cursor of the page after this one') },
    ['next'],
  ),
  PublicJwk: {
    oneOf: [
      closed({
        kty: { const: 'EC' },
        crv: { const: 'P-256' },
        x: text('32 bytes'),
        y: text('32 bytes'),
        alg: { const: 'ES256' },
      }),
      closed({ kty: { const: 'OKP' }, crv: { const: 'Ed25519' }, x: text('32 bytes'), alg: { const: 'EdDSA' } }),
      closed({ kty: { const: 'RSA' }, n: text('modulus'), e: text('exponent'), alg: { enum: ['RS256', 'PS256'] } }),
    ],
  },
  RegisteredKey: closed(
    {
      party: text('whose key it is'),
      kid: text('its name in protected headers', { pattern: '^[\\x21-\\x7e]{1,128}$' }),
      algorithm: { enum: ['ES256', 'EdDSA', 'RS256', 'PS256'] },
      thumbprint: text('RFC 7638, SHA-256', { pattern: '^[A-Za-z0-9_-]{43}$' }),
      jwk: schemaRef('PublicJwk'),
      registeredAt: { ...index, description: 'index of the entry that registered it' },
      revokedAt: { ...index, description: 'index of the entry that revoked it' },
      reason: text('why it was revoked'),
      compromisedSince: moment('from when on signatures by it are in doubt'),
    },
    ['revokedAt', 'reason', 'compromisedSince'],
  ),
  Keys: closed({ keys: { type: 'array', items: schemaRef('RegisteredKey') } }),
  KeyAcceptance: closed({
    index,
    received: moment('when the log took it'),
    action: { enum: ['register', 'revoke'] },
    party: text('whose key it is'),
    kid: text('its name in protected headers'),
    receipt,
  }),
  CatalogueApplication: closed({
    request: { ...compactJws, description: 'what the operator signed: the digest of every file' },
    files: { type: 'object', description: 'the files’ content by name', additionalProperties: { type: 'string' } },
  }),
  CatalogueApplied: closed({ index, received: moment('when the log took it'), receipt, applied: { const: true } }),
  CatalogueInForce: closed({ index, applied: { const: false }, note: text('for people') }),
  Liveness: closed({ live: { const: true } }),
  Readiness: closed(
    {
      ready: { type: 'boolean' },
      reason: text('why not'),
      bus: { enum: ['embedded', 'kafka'] },
      publisher: { enum: ['starting', 'running', 'waiting', 'elsewhere'] },
      consumers: { type: 'object', additionalProperties: { enum: ['starting', 'running', 'waiting'] } },
      witnesses: closed(
        {
          cosignedSize: { type: 'integer', minimum: 0, description: 'entries that the quorum stands by' },
          lagSeconds: { type: 'integer', minimum: 0, description: 'how long the oldest entry without their word is in the log' },
          accepting: { type: 'boolean', description: 'false: no events are accepted until they cosign' },
          warning: text('what is wrong'),
        },
        ['warning'],
      ),
    },
    ['reason', 'witnesses'],
  ),
}
