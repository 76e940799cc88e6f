import type { Text } from './text.ts'

interface Problem {
  /** HTTP status; a refusal entry carries it too */
  readonly status: number
  /** time may cure it: the sender should send the same request again later */
  readonly retryable?: true
  readonly title: Text
  /** what it means and what to do next; the text of its page */
  readonly remedy: Text
}

const problem = (status: number, title: Text, remedy: Text): Problem => ({ status, title, remedy })
const retryable = (status: number, title: Text, remedy: Text): Problem => ({ status, retryable: true, title, remedy })

/** Every problem code the exchange can answer with; `/problems/<code>` and the OpenAPI document are made of it. */
export const problems = {
  malformed: problem(
    400,
    { en: 'The request is malformed', zh: '请求格式错误' },
    {
      en: 'What is signed must be a JWS (compact; an event also as flattened JSON without an unprotected header) in strict base64url, around a UTF-8 JSON object without duplicate members, U+0000 or lone surrogates; a body that is JSON keeps to the same. Correct the client; sending the same bytes again gives the same answer.',
      zh: '签名内容必须是一个 JWS（紧凑形式；事件亦可为不含未保护头的扁平 JSON），采用严格 base64url 编码，内容为 UTF-8 JSON 对象，不得有重复成员、U+0000 或孤立代理项；JSON 请求体同样如此。请修正客户端；重发相同内容结果不变。',
    },
  ),
  'too-large': problem(
    413,
    { en: 'The request is too large', zh: '请求过大' },
    {
      en: 'An event may have at most 48 KiB as compact JWS: shorten it or split it into several events. For any other request the detail says the bound.',
      zh: '一个事件的紧凑 JWS 最多 48 KiB：请缩短或拆分为多个事件。其他请求的上限见说明。',
    },
  ),
  'unsupported-media-type': problem(
    415,
    { en: 'The media type is not supported', zh: '不支持的媒体类型' },
    {
      en: 'Send events as application/jose (compact) or application/jose+json (flattened), keys as application/jose, what operators ask for as application/json; all without Content-Encoding.',
      zh: '请以 application/jose（紧凑）或 application/jose+json（扁平）发送事件，以 application/jose 发送密钥，以 application/json 发送运维请求；均不使用 Content-Encoding。',
    },
  ),
  'signature-invalid': problem(
    401,
    { en: 'The signature is not valid', zh: '签名无效' },
    {
      en: 'Sign with a key of yours that is in force, name it as kid, use its algorithm and the typ of what is signed ("event+jws" for an event), and leave out crit, b64, jku, jwk, x5u and x5c. Keys in force are listed by `lianban keys list`.',
      zh: '请使用贵方有效的密钥签名，以 kid 指明密钥，算法与密钥一致，typ 与所签内容相符（事件为 "event+jws"），且不得含 crit、b64、jku、jwk、x5u、x5c。有效密钥可用 `lianban keys list` 查询。',
    },
  ),
  'token-invalid': problem(
    401,
    { en: 'The access token is missing or not valid', zh: '访问令牌缺失或无效' },
    {
      en: 'Send `Authorization: Bearer <JWT>` with typ "access+jwt", aud equal to the log\'s origin, exp at most five minutes after iat, signed by a key of yours that is in force.',
      zh: '请发送 `Authorization: Bearer <JWT>`：typ 为 "access+jwt"，aud 为日志来源名，exp 不晚于 iat 后五分钟，并以贵方有效密钥签名。',
    },
  ),
  'invalid-request': problem(
    400,
    { en: 'A parameter of the request is not valid', zh: '请求参数无效' },
    { en: 'Correct every parameter that the detail names.', zh: '请修正说明中指出的全部参数。' },
  ),
  'sender-not-allowed': problem(
    403,
    { en: 'The sender may not send this', zh: '发送方无权发送此事件' },
    {
      en: 'A bureau sends events with its own source (/bureaus/<id>) and of the types the catalogue gives it. Send it from the bureau that may, or ask for a change of the catalogue.',
      zh: '部门只能以自己的 source（/bureaus/<id>）发送目录授权的事件类型。请由有权部门发送，或申请修改目录。',
    },
  ),
  'not-yours': problem(
    403,
    { en: 'This is not yours to read', zh: '无权读取' },
    { en: 'Ask with a key of a party that may read it.', zh: '请使用有权读取的一方的密钥。' },
  ),
  'not-found': problem(
    404,
    { en: 'There is no such thing here', zh: '不存在' },
    {
      en: 'Check the address. What a party may not know of is answered like what does not exist.',
      zh: '请检查地址。无权知晓的内容按不存在答复。',
    },
  ),
  'method-not-allowed': problem(
    405,
    { en: 'The method is not allowed here', zh: '不允许的方法' },
    { en: 'Use one of the methods in the Allow header.', zh: '请使用 Allow 头中的方法。' },
  ),
  'request-timeout': problem(
    408,
    { en: 'The request took too long to arrive', zh: '请求到达超时' },
    { en: 'Send the whole request within the time limit.', zh: '请在时限内发送完整请求。' },
  ),
  'headers-too-large': problem(
    431,
    { en: 'The headers of the request are too large', zh: '请求头过大' },
    {
      en: 'The address and the headers may have 16 KiB together. Leave out cookies and what else the exchange does not ask for.',
      zh: '地址与请求头合计最多 16 KiB。请去掉 Cookie 等平台不要求的内容。',
    },
  ),
  'expectation-failed': problem(
    417,
    { en: 'The exchange can not do what the request expects', zh: '无法满足请求的 Expect 要求' },
    {
      en: 'Of all that Expect may ask for, only 100-continue is known here. Send the request without the header.',
      zh: '此处的 Expect 只支持 100-continue。请去掉该请求头后重发。',
    },
  ),
  'invalid-event': problem(
    422,
    { en: 'The event breaks its schema or a code rule', zh: '事件不符合模式或代码规则' },
    {
      en: 'Everything that is wrong is listed under errors at once. Correct all of it, sign again and send; the id may be used again.',
      zh: '所有错误已在 errors 中一次性告知。请全部改正后重新签名发送；id 可再次使用。',
    },
  ),
  'unknown-type': problem(
    422,
    { en: 'The catalogue has no such event type', zh: '目录中没有此事件类型' },
    { en: 'Use a type of the catalogue in force, with its version suffix.', zh: '请使用现行目录中的类型，并带版本后缀。' },
  ),
  'invalid-key': problem(
    422,
    { en: 'The key or its proof is not acceptable', zh: '密钥或其证明不可接受' },
    {
      en: 'Register a public JWK: P-256, Ed25519, or RSA with 2048 bits or more and an odd exponent of at least 3; a point on its curve, no private part; with a proof signed by the new key.',
      zh: '请登记公钥 JWK：P-256、Ed25519 或不少于 2048 位且指数为不小于 3 的奇数的 RSA；点须在曲线上，不含私钥部分，并附新密钥签名的证明。',
    },
  ),
  'invalid-catalogue': problem(
    422,
    { en: 'The catalogue can not be put in force', zh: '该目录不能生效' },
    {
      en: 'Every fault is listed under errors at once. Correct all of them, try `lianban catalogue check`, and apply it again.',
      zh: '所有错误已在 errors 中一次性列出。请全部改正，先用 `lianban catalogue check` 检查，再重新提交。',
    },
  ),
  'duplicate-id': problem(
    409,
    { en: 'Another event with this id was accepted before', zh: '该 id 已用于另一已接受的事件' },
    {
      en: 'The same id with other content is a mistake of the sender. Give the new event a new id; read the first one at /v1/events?id=….',
      zh: '相同 id 而内容不同，系发送方错误。请为新事件另取 id；可在 /v1/events?id=… 查看原事件。',
    },
  ),
  'already-established': problem(
    409,
    { en: 'The subject is known already', zh: '主体已存在' },
    {
      en: 'A subject is established or imported once. Send a change instead.',
      zh: '主体只能设立或导入一次。请改发变更事件。',
    },
  ),
  'unknown-subject': retryable(
    409,
    { en: 'The subject is not known yet', zh: '主体尚不存在' },
    {
      en: 'Send its establishment or import first, or send this again when that has arrived.',
      zh: '请先发送设立或导入事件，或待其到达后重发本事件。',
    },
  ),
  'not-active': problem(
    409,
    { en: 'The registration is not active', zh: '登记状态不是存续' },
    {
      en: 'This step needs an active registration. A revoked one must be restored first; a cancelled one stays closed.',
      zh: '此步骤要求登记状态为存续。已吊销的须先恢复；已注销的不可再办理。',
    },
  ),
  'not-revoked': problem(
    409,
    { en: 'The registration is not revoked', zh: '登记未被吊销' },
    { en: 'Only a revoked registration can be restored.', zh: '只有被吊销的登记才能恢复。' },
  ),
  'already-registered': problem(
    409,
    { en: 'The tax register at this bureau is open already', zh: '该税务机关已有未注销的税务登记' },
    {
      en: 'A second tax registration is legal only after this bureau has deregistered the first. Send a change instead.',
      zh: '须待该机关注销前一税务登记后方可再次登记。请改发变更事件。',
    },
  ),
  'not-tax-registered': retryable(
    409,
    { en: 'There is no open tax register at this bureau', zh: '在该税务机关没有有效的税务登记' },
    {
      en: 'Send the tax registration first, or send this again when it has arrived.',
      zh: '请先发送税务登记事件，或待其到达后重发本事件。',
    },
  ),
  'previous-status-differs': problem(
    409,
    { en: 'The previous status differs from the stored one', zh: '原状态与记录不符' },
    {
      en: 'previousTaxpayerStatus must equal the status the exchange has. Read the record, then decide anew.',
      zh: 'previousTaxpayerStatus 必须与交换平台记录的状态一致。请读取记录后重新决定。',
    },
  ),
  'status-order': problem(
    409,
    { en: 'The step does not follow from the present status', zh: '该步骤不符合状态顺序' },
    { en: 'The detail names the steps that are legal now.', zh: '说明中列出当前允许的步骤。' },
  ),
  'clearance-incomplete': problem(
    409,
    { en: 'The clearance does not name every open tax register', zh: '清税证明未列明所有未注销的税务登记' },
    {
      en: 'clearance.clearedBy must name every bureau with an open register; the detail says which is missing.',
      zh: 'clearance.clearedBy 必须列明所有有未注销登记的机关；说明中指出缺少的机关。',
    },
  ),
  'tax-clearance-missing': retryable(
    409,
    { en: 'A tax register is open and not cleared', zh: '尚有税务登记未清税' },
    {
      en: 'General cancellation needs clearance by, or deregistration at, every bureau with an open register. Send it again when that has arrived.',
      zh: '一般注销要求所有有未注销登记的税务机关已清税或已注销。请待其到达后重发。',
    },
  ),
  'simplified-not-allowed': problem(
    409,
    { en: 'Simplified cancellation is not allowed here', zh: '不适用简易注销' },
    {
      en: 'It is open to an active company without an uncleared open tax register, after its notice has ended. Clear the registers first or cancel in the general way.',
      zh: '简易注销适用于存续、无未清税的税务登记且公告期满的企业。请先清税，或按一般程序注销。',
    },
  ),
  'already-closed': problem(
    409,
    { en: 'The registration is closed', zh: '登记已终结' },
    {
      en: 'Nothing follows a cancellation. If the cancellation itself was wrong, hand the case to a clerk.',
      zh: '注销之后不得再有事件。如注销有误，请转人工处理。',
    },
  ),
  'state-differs': problem(
    409,
    { en: 'A state in the data contradicts the state after this step', zh: '数据中的状态与办理后的状态矛盾' },
    {
      en: 'Leave the state field out where it is optional, or give the state the detail names.',
      zh: '状态字段可省略的请省略，否则请填写说明中给出的状态。',
    },
  ),
  'effective-date-order': problem(
    409,
    { en: 'The effective date is out of order', zh: '生效日期顺序错误' },
    {
      en: 'effectiveDate must not lie before the last accepted event of the same layer, nor more than one day in the future.',
      zh: 'effectiveDate 不得早于同一层最近已接受事件的日期，也不得晚于明日。',
    },
  ),
  'too-many-requests': retryable(
    429,
    { en: 'Too many requests at once', zh: '请求过多' },
    {
      en: 'Wait as long as Retry-After says, then send again with fewer requests under way.',
      zh: '请按 Retry-After 等待后重发，并减少并发。',
    },
  ),
  overloaded: retryable(
    503,
    { en: 'The exchange is overloaded or not ready', zh: '平台繁忙或未就绪' },
    {
      en: 'Wait as long as Retry-After says, then send the same request again. An event is stored once, however often it is sent.',
      zh: '请按 Retry-After 等待后重发同一请求。同一事件无论发送多少次只保存一次。',
    },
  ),
  internal: retryable(
    500,
    { en: 'The exchange failed', zh: '平台内部错误' },
    {
      en: 'This is our fault. Send the same request again. An event that was stored gets its index then; one that was not is stored then.',
      zh: '这是平台的过错。请重发同一请求。事件若已保存将返回其索引，否则此时保存。',
    },
  ),
} as const satisfies Record<string, Problem>

export type ProblemCode = keyof typeof problems

/** The rules of legal order: what a kind's order table may refuse with. */
export const orderCodes = [
  'already-established',
  'unknown-subject',
  'not-active',
  'not-revoked',
  'already-registered',
  'not-tax-registered',
  'previous-status-differs',
  'status-order',
  'clearance-incomplete',
  'tax-clearance-missing',
  'simplified-not-allowed',
  'already-closed',
  'state-differs',
  'effective-date-order',
] as const satisfies readonly ProblemCode[]

export type OrderCode = (typeof orderCodes)[number]

export function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(problems, code)
}

export function problemOf(code: ProblemCode): Problem {
  return problems[code]
}
