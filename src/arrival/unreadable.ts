import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { type ProblemCode, problemOf } from '../domain/problems.ts'
import type { Text } from '../domain/text.ts'

// What is no request at all never comes as far as a route.

const problemType = 'application/problem+json; charset=utf-8'

/** What is no request by HTTP's own rules: Host missing or wrong. */
export function noRequest(): Response {
  return new Response(bareProblem('invalid-request', noHost), { status: 400, headers: { 'content-type': problemType } })
}

/** A problem for a client of whom nothing is known, not even a language: so it comes in both. */
function bareProblem(code: ProblemCode, detail?: Text): string {
  const { status, title, remedy } = problemOf(code)
  const both = ({ en, zh }: Text) => `${en} · ${zh}`
  return JSON.stringify({ type: `/problems/${code}`, title: both(title), status, detail: both(detail ?? remedy), code })
}

/** The answers that a connection owes, in order, as Node sends them; one whose request has not ended is kept though it is sent. */
const owed = new WeakMap<Socket, Set<ServerResponse>>()

/** Remembers an answer that a connection owes, until it is sent and its request has ended. */
export function noteOwed(outgoing: ServerResponse): void {
  const { req } = outgoing
  const answers = owed.get(req.socket) ?? new Set()
  owed.set(req.socket, answers)
  for (const before of answers) {
    if (!before.writableFinished) break
    answers.delete(before)
  }
  answers.add(outgoing)
  outgoing.once('close', () => req.complete && answers.delete(outgoing))
}

/** Connections whose last answer is said, or waits for those before it. */
const ending = new WeakSet<Socket>()

/** Node has found that a connection carries no HTTP, headers beyond their bound, or a request that does not end. */
export function answerClientError(error: ClientError, socket: Socket): void {
  if (error.code === 'ECONNRESET') return void socket.destroy()
  // what it sends now is no request either
  if (ending.has(socket)) return
  ending.add(socket)
  const answers = [...(owed.get(socket) ?? [])]
  // it is this request itself, or whatever came behind it
  const broken = answers.at(-1)?.req.complete === false ? answers.at(-1) : undefined
  const before = answers.filter((one) => one !== broken && !one.writableFinished).at(-1)
  const end = () => endWith(socket, problemOfError(error), broken)
  if (before === undefined) end()
  else before.once('finish', end)
}

function endWith(socket: Socket, answer: string, broken: ServerResponse | undefined): void {
  // an answer that has begun must not be followed by another
  if (broken?.headersSent) {
    if (!broken.writableFinished) return void socket.destroy()
    socket.end()
  } else if (socket.writable) socket.end(answer)
  // closed at once, while the client still sends, it would be reset, and the client might never read the answer
  setTimeout(() => socket.destroy(), unreadMs).unref()
}

/** A client that has not closed the connection this long after its last answer does not read it. */
const unreadMs = 1000

function problemOfError(error: ClientError): string {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return bareAnswer('headers-too-large')
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return bareAnswer('request-timeout')
    default:
      return bareAnswer('invalid-request', whyNoHttp(error))
  }
}

/** The whole answer as it is sent, where Node makes none. */
function bareAnswer(code: ProblemCode, detail?: Text): string {
  const body = bareProblem(code, detail)
  const { status } = problemOf(code)
  const headers = `Connection: close\r\nContent-Type: ${problemType}\r\nContent-Length: ${Buffer.byteLength(body)}`
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${headers}\r\n\r\n${body}`
}

/** @see RFC 9110 section 10.1.1: of all expectations HTTP knows 100-continue, which Node meets */
export function answerExpectation(_: IncomingMessage, outgoing: ServerResponse): void {
  noteOwed(outgoing)
  const body = bareProblem('expectation-failed')
  const headers = { 'content-type': problemType, 'content-length': Buffer.byteLength(body), connection: 'close' }
  outgoing.writeHead(problemOf('expectation-failed').status, headers).end(body)
}

type ClientError = NodeJS.ErrnoException & { readonly rawPacket?: Buffer }

function whyNoHttp({ code, rawPacket }: ClientError): Text {
  // the first byte of a TLS record that shakes hands
  if (rawPacket?.[0] === 0x16) return noTls
  return code === 'HPE_INVALID_URL' ? wrongAddress : noHttp
}

const noTls = {
  en: 'this port speaks HTTP without TLS: ask it by http://, or by https:// the proxy in front of it',
  zh: '此端口为不使用 TLS 的 HTTP：请以 http:// 访问，或以 https:// 访问其前置代理',
}
const wrongAddress = {
  en: 'the address has a character that must be percent-encoded, in UTF-8: 大 is %E5%A4%A7',
  zh: '地址中有须以 UTF-8 百分号编码的字符：“大”写作 %E5%A4%A7',
}
const noHttp = {
  en: 'this is no well-formed HTTP/1.1 request: look at its first line, its line ends, Content-Length and chunks',
  zh: '不是格式正确的 HTTP/1.1 请求：请检查首行、换行、Content-Length 与分块',
}
const noHost = {
  en: 'the request must name the host that it asks, as Host: exchange.example, and an address that begins with /',
  zh: '请求须有主机名，如 Host: exchange.example，且地址以 / 开头',
}
