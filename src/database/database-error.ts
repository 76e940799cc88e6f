/** The database's own error, which Drizzle wraps. */
export function databaseErrorOf(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? error.cause : error
}
