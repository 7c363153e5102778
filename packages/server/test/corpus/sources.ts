/** What the programs of made.ts are given to make PDFs of. */

const PARAGRAPHS = Array.from(
  { length: 12 },
  (_, index) =>
    `第${index + 1}条 甲方应当按照本合同约定的时间和方式向乙方支付价款。Clause ${index + 1}: payment falls due.`,
);

/** A contract of `pages` pages in HTML, with CSS `page` for its `@page` rule. */
export function html(pages: number, page = 'size: A4'): string {
  const body = Array.from(
    { length: pages },
    (_, index) => `<section><h1>房屋租赁合同 ${index + 1}</h1>${PARAGRAPHS.map((text) => `<p>${text}</p>`).join('')}
      <a href="https://example.test/">link</a><table border="1"><tr><td>租金</td><td>¥5,000.00</td></tr></table></section>`,
  ).join('');
  return `<!doctype html><meta charset="utf-8"><title>合同</title><style>@page { ${page} } section { break-after: page }
    h1 { opacity: .6; background: linear-gradient(#eef, #fff) }</style>${body}`;
}

export const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="400" height="300" viewBox="0 0 400 300">
  <rect width="400" height="300" fill="#e8f0e8"/><circle cx="200" cy="150" r="90" fill="#4060a0" fill-opacity="0.5"/>
  <text x="60" y="60" font-size="24">合同 contract</text></svg>`;

/** PostScript of two pages, the second of A5 landscape. */
export const POSTSCRIPT = `%!PS-Adobe-3.0
/Times-Roman findfont 18 scalefont setfont
<< /PageSize [595 842] >> setpagedevice 72 760 moveto (Agreement between the parties) show
0 1 20 { 72 exch 30 mul 100 add moveto (The parties agree as follows.) show } for showpage
<< /PageSize [595 420] >> setpagedevice 72 300 moveto (Annex) show 0.5 setgray 300 100 100 0 360 arc fill showpage
`;

const OFFICE = `<?xml version="1.0" encoding="UTF-8"?><office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"
 xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0" xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0"
 xmlns:ooo="http://openoffice.org/2004/office" xmlns:form="urn:oasis:names:tc:opendocument:xmlns:form:1.0" office:version="1.3"`;

/** A text document whose pages are `width` by `height`, in centimetres, with a form where it is asked for. */
export function textDocument({ width = 21, height = 29.7, form = false } = {}): string {
  const control = form
    ? `<office:forms><form:form form:name="f"><form:text form:id="c1" xml:id="c1" form:control-implementation="ooo:com.sun.star.form.component.TextField"
        form:name="party" form:current-value="甲方 A"/></form:form></office:forms>`
    : '';
  const shape = form
    ? '<text:p><draw:control draw:control="c1" text:anchor-type="as-char" svg:width="6cm" svg:height="1cm"/></text:p>'
    : '';
  return `${OFFICE} office:mimetype="application/vnd.oasis.opendocument.text"><office:automatic-styles><style:page-layout style:name="p">
    <style:page-layout-properties fo:page-width="${width}cm" fo:page-height="${height}cm" fo:margin="2cm"/></style:page-layout></office:automatic-styles>
    <office:master-styles><style:master-page style:name="Standard" style:page-layout-name="p"/></office:master-styles>
    <office:body><office:text>${control}${shape}<text:h text:outline-level="1">租赁合同</text:h>${PARAGRAPHS.concat(
      PARAGRAPHS,
      PARAGRAPHS,
    )
      .map((text) => `<text:p>${text}</text:p>`)
      .join('')}</office:text></office:body></office:document>`;
}

export function spreadsheet(): string {
  const rows = Array.from(
    { length: 60 },
    (_, row) =>
      `<table:table-row>${`<table:table-cell office:value-type="float" office:value="${row}"><text:p>${row}</text:p></table:table-cell>`.repeat(14)}</table:table-row>`,
  );
  return `${OFFICE} office:mimetype="application/vnd.oasis.opendocument.spreadsheet"><office:body><office:spreadsheet><table:table table:name="价目">
    ${rows.join('')}</table:table></office:spreadsheet></office:body></office:document>`;
}
