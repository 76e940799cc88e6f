/** Why a process can't start, and what whoever runs it can do: shown to them as it is, without a stack. */
export class CannotStart extends Error {
  override readonly name = 'CannotStart'
}
