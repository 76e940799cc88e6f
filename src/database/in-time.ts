/**
 * Says what did not come where a wait was aborted, since Node says only that it was.
 *
 * @param waited what did not come, such as `connection`
 * @returns any other error as it is
 */
export function inTime(error: unknown, limitMs: number, waited: string): unknown {
  if (!(error instanceof Error && error.name === 'AbortError')) return error
  return Object.assign(new Error(`no ${waited} within ${limitMs / 1000} s`, { cause: error }), { code: 'ETIMEDOUT' })
}
