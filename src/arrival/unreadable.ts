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

/** Node has found that a connection carries no HTTP, headers beyond their bound, or a request that does not end. */
export function answerClientError(error: ClientError, socket: Socket): void {
  // an answer that has begun must not be followed by another
  if (error.code === 'ECONNRESET' || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy()
    return
  }
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    socket.end('HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    return
  }
  const isLate = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
  const status = isLate ? '408 Request Timeout' : '400 Bad Request'
  const body = isLate ? bareProblem('request-timeout') : bareProblem('invalid-request', whyNoHttp(error))
  const headers = `Connection: close\r\nContent-Type: ${problemType}\r\nContent-Length: ${Buffer.byteLength(body)}`
  socket.end(`HTTP/1.1 ${status}\r\n${headers}\r\n\r\n${body}`)
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
