"""Pictures in SVG, for the scripts that draw those of README.md and docs/performance.md."""

import html

# Pictures bring their background with them, so that they can be read on pages of any colour.
STYLE = """\
text { font: 14px system-ui, sans-serif; fill: #1f2328; }
.caption { font-weight: bold; }
.paper { fill: #ffffff; }
.quiet { fill: #59636e; }
.rival { fill: #9aa4ae; }
.grid { stroke: #d1d9e0; }
.ideal { stroke: #59636e; stroke-dasharray: 4; }
.first { color: #1a7f37; }
.second { color: #0969da; }
.first, .second { fill: currentColor; }
.line { stroke: currentColor; stroke-width: 2.5; }
.line, .ideal { fill: none; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.paper { fill: #0d1117; }
.quiet { fill: #9da7b1; }
.rival { fill: #6e7681; }
.grid { stroke: #30363d; }
.ideal { stroke: #9da7b1; }
.first { color: #3fb950; }
.second { color: #58a6ff; }
}
"""


def svg(width, height, parts):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{1.2 * width:.0f}" height="{1.2 * height:.0f}" '
            f'viewBox="0 0 {width} {height}">\n<style>\n{STYLE}</style>\n'
            f'<rect class="paper" width="100%" height="100%" rx="6"/>\n' + "\n".join(parts) + "\n</svg>\n")


def label(x, y, text, attributes=""):
    return f'<text x="{x:.1f}" y="{y:.1f}"{attributes and " " + attributes}>{html.escape(text)}</text>'
