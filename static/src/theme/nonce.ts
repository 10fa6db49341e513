/** The nonce of this page's Content-Security-Policy, for libraries that make style elements. */
export const styleNonce = () =>
  document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? ''
