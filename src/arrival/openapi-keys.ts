import type { JsonObject } from '../domain/text.ts'
import { closed, compactJws, index, moment, receipt, schemaRef, text } from './openapi-forms.ts'
import { answer, json, type OperationSpec, ofAppend, ofBody } from './openapi-operation.ts'

/** What keys and catalogues look like, by name. */
export const keySchemas: JsonObject = {
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
}

/** The operations on keys and on the catalogue, as the handlers behave. */
export const keyOperations: readonly OperationSpec[] = [
  {
    method: 'post',
    path: '/v1/keys',
    operationId: 'postKey',
    summary: 'register or revoke a key; the body is the proof, as `lianban keys register` and `revoke` make it',
    body: { 'application/jose': { schema: schemaRef('CompactJws') } },
    answers: {
      '200': answer('this very proof was taken before: what its entry says', json(schemaRef('KeyAcceptance'))),
      '201': answer('in force from this index on', json(schemaRef('KeyAcceptance'))),
    },
    problems: [...ofBody, 'signature-invalid', 'invalid-key', ...ofAppend],
  },
  {
    method: 'get',
    path: '/v1/keys',
    operationId: 'getKeys',
    summary: 'every key there ever was',
    secured: true,
    answers: { '200': answer('in order of registration', json(schemaRef('Keys'))) },
    problems: ['invalid-request'],
  },
  {
    method: 'post',
    path: '/v1/operations/catalogue',
    operationId: 'postCatalogue',
    summary: 'put a catalogue in force; `lianban catalogue apply` makes the body',
    body: { 'application/json': { schema: schemaRef('CatalogueApplication') } },
    answers: {
      '200': answer('it is in force already', json(schemaRef('CatalogueInForce'))),
      '201': answer('in force from this index on', json(schemaRef('CatalogueApplied'))),
    },
    problems: [...ofBody, 'invalid-request', 'signature-invalid', 'not-yours', 'invalid-catalogue', ...ofAppend],
  },
]
