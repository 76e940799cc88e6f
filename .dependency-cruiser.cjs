/** The house rules of imports: an event walks arrival → identity → catalogue → log → bus → view, forward. */
module.exports = {
  forbidden: [
    { name: 'domain-is-pure', severity: 'error', from: { path: '^src/domain/' }, to: { path: '^src/', pathNot: '^src/domain/' } },
    {
      name: 'only-compose-and-main-import-the-outside',
      severity: 'error',
      from: { pathNot: '^src/(arrival|console|commands|compose/|main\\.ts)' },
      to: { path: '^src/(arrival|console|commands)/' },
    },
    {
      name: 'arrival-knows-no-command',
      severity: 'error',
      from: { path: '^src/arrival/' },
      to: { path: '^src/(commands|compose/)' },
    },
    {
      name: 'log-does-not-look-forward',
      severity: 'error',
      from: { path: '^src/(log|catalogue|identity)/' },
      to: { path: '^src/(bus|view|replay|audit)/' },
    },
    {
      name: 'bus-does-not-look-forward',
      severity: 'error',
      from: { path: '^src/bus/' },
      to: { path: '^src/(view|replay|audit)/' },
    },
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, pathNot: '^src/main\\.ts$' }, to: {} },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    parser: 'swc',
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.json'] },
  },
}
