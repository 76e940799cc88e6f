/** Ends the program with a message for people and an exit code, without a stack. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed'
  readonly exitCode: number

  /** @param exitCode 1 when the answer is no, 2 when it could not be found out or was asked wrongly */
  constructor(message: string, exitCode = 2) {
    super(message)
    this.exitCode = exitCode
  }
}
