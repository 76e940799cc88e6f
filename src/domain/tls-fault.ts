/** Where the settings of a TLS connection stand, to be named to whoever must mend them. */
export interface TlsSettingNames {
  /** such as `KAFKA_SSL_CA` */
  readonly ca: string
  /** of our own certificate and key, such as `KAFKA_SSL_CERT and KAFKA_SSL_KEY` */
  readonly own: string
  /** of the server's name, such as `KAFKA_BROKERS` */
  readonly server: string
}

const untrusted = new Set([
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

/**
 * What to do about a TLS connection that did not come about.
 *
 * @param code of Node's error
 * @returns undefined when the error is of something else
 * @see X509_verify_cert_error_string of OpenSSL and the alerts of RFC 8446 section 6.2, as Node names them
 */
export function tlsRemedy(code: string, names: TlsSettingNames): string | undefined {
  if (untrusted.has(code))
    return `no CA that is trusted here has signed the server’s certificate: name the CA’s file in ${names.ca}`
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `the server’s certificate is for other names: use one of those in ${names.server}, or have it made for this one`
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return 'the server’s certificate is not valid now: have it renewed, and look at this machine’s clock'
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG')
    return `what answers there speaks no TLS: is the port in ${names.server} the one for TLS?`
  if (/^ERR_SSL_.*ALERT_(BAD_CERTIFICATE|CERTIFICATE_|UNKNOWN_CA|UNSUPPORTED_CERT|HANDSHAKE_FAILURE)/.test(code))
    return `the server refused our certificate, or wants one: see ${names.own}`
  return undefined
}
