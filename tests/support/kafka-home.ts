import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const kafkaFolder = join(import.meta.dirname, '../../infra/kafka')

/**
 * A KAFKA_HOME for infra/kafka/start.sh out of the jars that run.mjs has collected: its two scripts, which start the same classes
 * as those of Kafka's release.
 */
export async function makeKafkaHome(folder: string): Promise<string> {
  const target = join(kafkaFolder, 'target')
  const jars = (await readdir(target)).find((name) => name.startsWith('jars-'))
  if (jars === undefined) throw new Error('no jars: start a Kafka by run.mjs first')
  await mkdir(join(folder, 'bin'), { recursive: true })
  const java = `exec java -Xmx512m -Dlog4j2.configurationFile='${kafkaFolder}/log4j2.properties' -cp '${join(target, jars)}/*'`
  const scripts = [
    ['kafka-storage.sh', 'kafka.tools.StorageTool'],
    ['kafka-server-start.sh', 'kafka.Kafka'],
  ] as const
  for (const [name, main] of scripts) {
    const file = join(folder, 'bin', name)
    await writeFile(file, `#!/bin/sh\n${java} ${main} "$@"\n`)
    await chmod(file, 0o755)
  }
  return folder
}
