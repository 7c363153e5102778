import type { PdfRefusal } from '../documents/index.ts';

/** Why a file cannot be signed, for the caller: create_sign_process gives it 64 characters. */
export const PDF_REFUSALS: Readonly<Record<PdfRefusal, string>> = {
  too_large: '文件过大',
  not_a_pdf: '文件不是PDF',
  header_not_first: 'PDF文件头之前有多余内容，请重新导出为PDF',
  damaged: 'PDF文件已损坏，无法签署',
  too_complex: 'PDF文件结构过于复杂，无法签署，请重新导出为PDF',
  encrypted: 'PDF文件已加密，请上传未加密的文件',
  no_pages: 'PDF文件没有页面',
  too_many_pages: 'PDF文件页数过多',
  certified: 'PDF文件已被认证签名锁定，不允许再签署',
  form_undrawn: 'PDF表单内容没有固定外观，请打印为普通PDF后上传',
  xfa_form: 'PDF文件含有XFA表单，请转换为普通PDF',
};
