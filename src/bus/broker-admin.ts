import type { Admin, Kafka } from 'kafkajs'

/** One admin connection, opened when needed and thrown away after any failure. */
export class BrokerAdmin {
  readonly #kafka: Kafka
  #connected: Promise<Admin> | undefined

  constructor(kafka: Kafka) {
    this.#kafka = kafka
  }

  async use<T>(ask: (admin: Admin) => Promise<T>): Promise<T> {
    this.#connected ??= this.#connect()
    const connected = this.#connected
    try {
      return await ask(await connected)
    } catch (error) {
      if (this.#connected === connected) await this.close()
      throw error
    }
  }

  async close(): Promise<void> {
    const connected = this.#connected
    this.#connected = undefined
    await connected?.then((admin) => admin.disconnect()).catch(() => undefined) // it is being thrown away
  }

  async #connect(): Promise<Admin> {
    const admin = this.#kafka.admin()
    await admin.connect()
    return admin
  }
}
