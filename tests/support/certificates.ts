import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Files of a CA made for one test, and of what it signed. */
export interface MadeCa {
  /** PEM, for those who trust it */
  readonly file: string
  /** @param names as OpenSSL writes them, such as `DNS:localhost`; a client's needs none */
  sign(name: string, ...names: string[]): Promise<MadeCertificate>
}

export interface MadeCertificate {
  readonly certFile: string
  /** PKCS #8, mode 0600 as openssl makes it */
  readonly keyFile: string
}

const run = promisify(execFile)
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']

/** A CA in this folder, by openssl: the real thing, so that what other software makes is what is tested. */
export async function makeCa(folder: string, name: string): Promise<MadeCa> {
  const [file, caKey] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)]
  await run('openssl', ['req', '-x509', ...newKey, '-subj', `/CN=${name}`, '-keyout', caKey, '-out', file])
  return {
    file,
    async sign(of, ...names) {
      const [certFile, keyFile, config] = [`${of}.pem`, `${of}.key`, `${of}.conf`].map((one) => join(folder, one))
      if (!certFile || !keyFile || !config) throw new Error('three files')
      await writeFile(config, '[req]\ndistinguished_name = dn\n[dn]\n')
      const san = names.length === 0 ? [] : ['-addext', `subjectAltName=${names.join(',')}`]
      const leaf = ['-addext', 'basicConstraints=critical,CA:FALSE', ...san]
      const signer = ['-CA', file, '-CAkey', caKey, '-config', config]
      await run('openssl', [
        'req',
        '-x509',
        ...newKey,
        ...signer,
        '-subj',
        `/CN=${of}`,
        ...leaf,
        '-keyout',
        keyFile,
        '-out',
        certFile,
      ])
      return { certFile, keyFile }
    },
  }
}
