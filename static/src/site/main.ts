import '@fontsource-variable/inter/index.css'
import './site.css'
