export const Logo = () => (
  <svg width="26" height="26" viewBox="0 0 26 26" aria-hidden="true">
    <rect width="26" height="26" rx="7" fill="var(--mantine-primary-color-filled)" />
    <path
      d="M16.8 9.4a5 5 0 1 0 0 7.2"
      fill="none"
      stroke="#fff"
      strokeWidth="2.4"
      strokeLinecap="round"
    />
    <rect x="18.4" y="7.5" width="1.9" height="11" rx="0.95" fill="#fff" opacity="0.75" />
  </svg>
)
