import '@mantine/core/styles.css'
import '@fontsource-variable/inter/index.css'
import './theme.css'

import { createTheme, MantineProvider } from '@mantine/core'
import { setNonce } from 'get-nonce'
import type { ReactNode } from 'react'

import { styleNonce } from './nonce'

const theme = createTheme({
  fontFamily: 'var(--text-font)',
  headings: { fontFamily: 'var(--text-font)', fontWeight: '650' },
  primaryColor: 'indigo',
  defaultRadius: 'md',
  cursorType: 'pointer',
})

setNonce(styleNonce()) // for the scroll lock under Mantine's dialogs

/** Fonts, colours, light and dark: what all pages share. */
export function Theme({ children }: { children: ReactNode }) {
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={styleNonce}>
      {children}
    </MantineProvider>
  )
}
