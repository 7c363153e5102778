import type { ChangeCode } from './changes/index.ts';
import type { ProblemCode } from './problems.ts';
import type { Verdict, Words } from './report.ts';

/** Of the whole file. */
export const FILE_WORDS: Readonly<Record<Verdict, Words>> = {
  valid: { zh: '签名有效，文件没有被改动', en: 'The signatures are valid and the file is unchanged' },
  valid_with_changes: {
    zh: '签名有效，之后只有允许的改动',
    en: 'The signatures are valid; only permitted changes followed',
  },
  changed: { zh: '文件在签名之后被改动过', en: 'The file was changed after it was signed' },
  broken: { zh: '有签名无效', en: 'A signature is not valid' },
  indeterminate: {
    zh: '无法确定：签名完整，但签名人的身份没有得到信任',
    en: 'Undetermined: whole, but the signer’s identity is not trusted',
  },
  not_signed: { zh: '文件没有签名', en: 'The file is not signed' },
};

export const SIGNATURE_WORDS: Readonly<Record<Exclude<Verdict, 'not_signed'>, Words>> = {
  valid: { zh: '有效', en: 'Valid' },
  valid_with_changes: { zh: '有效，之后有允许的改动', en: 'Valid, permitted changes followed' },
  changed: { zh: '签名之后文件被改动', en: 'Changed after signing' },
  broken: { zh: '无效', en: 'Not valid' },
  indeterminate: { zh: '无法确定', en: 'Undetermined' },
};

export const PROBLEM_WORDS: Readonly<Record<ProblemCode, Words>> = {
  byte_range_malformed: { zh: '签名没有写明它覆盖哪些内容', en: 'The signature does not say which bytes it covers' },
  byte_range_not_from_start: { zh: '签名没有覆盖文件开头', en: 'The signature leaves out the beginning of the file' },
  byte_range_hole: {
    zh: '签名留出的空白里有不属于签名的内容',
    en: 'The gap the signature leaves holds more than the signature',
  },
  byte_range_beyond_file: { zh: '签名所指的内容超出文件', en: 'The signature points beyond the file' },
  byte_range_not_a_revision: {
    zh: '签名没有覆盖当时的整个文件',
    en: 'The signature does not cover the whole file of its time',
  },
  contents_malformed: { zh: '签名数据无法读取', en: 'The signature’s data cannot be read' },
  contents_padding: { zh: '签名数据后面藏有其他数据', en: 'Other data is hidden behind the signature' },
  signature_dictionary_ambiguous: { zh: '签名里同一项写了两次', en: 'The signature states one thing twice' },
  cms_malformed: { zh: '签名数据已损坏', en: 'The signature’s data is damaged' },
  cms_digest_differs: { zh: '签名覆盖的内容被改动过', en: 'What was signed has been changed' },
  cms_signature_wrong: { zh: '签名与签名人的证书不符', en: 'The signature was not made with the signer’s key' },
  cms_certificate_missing: { zh: '签名里没有签名人的证书', en: 'The signer’s certificate is missing' },
  cms_certificate_replaced: { zh: '签名人的证书被替换过', en: 'The signer’s certificate was replaced' },
  cms_certificate_damaged: {
    zh: '签名附带的证书被改动过',
    en: 'A certificate that came with the signature was changed',
  },
  timestamp_broken: { zh: '时间戳无效', en: 'The timestamp is not valid' },
  certificate_revoked: { zh: '签名时证书已被吊销', en: 'The certificate was revoked before the signature was made' },
  certificate_not_valid_then: {
    zh: '签名时证书不在有效期内',
    en: 'The certificate was not valid when the signature was made',
  },
  cms_unknown_algorithm: {
    zh: '签名使用了无法识别的算法',
    en: 'The signature uses an algorithm that is not known here',
  },
  format_unsupported: { zh: '签名格式不受支持', en: 'The format of the signature is not supported' },
  weak_digest: { zh: '签名使用的摘要算法已不安全', en: 'The signature uses a digest that is no longer secure' },
  issuer_unknown: {
    zh: '签发证书的机构不在信任名单中',
    en: 'The certificate’s issuer is not among those trusted here',
  },
  issuer_not_allowed: { zh: '签发证书的机构无权签发', en: 'The certificate’s issuer was not entitled to issue it' },
  certificate_not_for_signing: { zh: '证书不能用于签名', en: 'The certificate is not meant for signing' },
  certificate_expired: {
    zh: '证书已过期，又没有可信的时间证明它是在有效期内签的',
    en: 'The certificate has expired, and no trusted time shows that it had not when it signed',
  },
  certificate_revoked_since: {
    zh: '证书已被吊销，又没有可信的时间证明它是在吊销之前签的',
    en: 'The certificate was revoked, and no trusted time shows that it had signed before',
  },
  certificate_unvouched: {
    zh: '签名附带了无法核实的证书',
    en: 'A certificate that came with the signature cannot be checked',
  },
  timestamp_untrusted: {
    zh: '时间戳服务不在信任名单中',
    en: 'The timestamp’s service is not among those trusted here',
  },
  signing_certificate_missing: { zh: '签名没有写明所用的证书', en: 'The signature does not name its certificate' },
  time_not_proven: {
    zh: '签名时间只是签名人自己写的，没有时间戳证明',
    en: 'The time is the signer’s own word; no timestamp vouches for it',
  },
};

export const CHANGE_WORDS: Readonly<Record<ChangeCode, Words>> = {
  signature_added: { zh: '又有人签名', en: 'Another signature was added' },
  timestamp_added: { zh: '加了时间戳', en: 'A timestamp was added' },
  signature_field_added: { zh: '加了空的签名位置', en: 'An empty signature field was added' },
  validation_data_added: { zh: '加了长期验证资料', en: 'Data for long-term validation was added' },
  metadata_changed: { zh: '文件属性有更新', en: 'The file’s properties were updated' },
  form_settings_changed: { zh: '为签名更新了表单设置', en: 'The form’s settings were updated for signing' },
  space_appended: { zh: '文件末尾多了空白', en: 'White space was added at the end' },
  field_filled: { zh: '表单内容被填写或修改', en: 'A form field was filled in or changed' },
  annotation_added: { zh: '加了批注', en: 'An annotation was added' },
  annotation_changed: { zh: '批注被修改', en: 'An annotation was changed' },
  annotation_removed: { zh: '批注被删除', en: 'An annotation was removed' },
  page_text_changed: { zh: '页面内容被改动', en: 'The page’s content was changed' },
  page_resource_changed: { zh: '页面所用的资源被改动', en: 'Something the page is drawn with was changed' },
  image_changed: { zh: '图片被替换', en: 'A picture was replaced' },
  font_changed: { zh: '字体或文字对应关系被改动', en: 'A font, or what its characters stand for, was changed' },
  page_size_changed: { zh: '页面大小或方向被改动', en: 'The page’s size or orientation was changed' },
  page_changed: { zh: '页面设置被改动', en: 'The page’s settings were changed' },
  page_added: { zh: '加了页面', en: 'A page was added' },
  page_removed: { zh: '页面被删除或替换', en: 'A page was removed or replaced' },
  pages_rearranged: { zh: '页面顺序被改动', en: 'The pages were rearranged' },
  seal_covered: { zh: '有东西盖在印章上', en: 'Something was laid over a seal' },
  signature_removed: { zh: '签名被删除', en: 'A signature was removed' },
  signature_replaced: { zh: '签名被替换', en: 'A signature was replaced' },
  seal_changed: { zh: '印章的外观或位置被改动', en: 'A seal’s appearance or place was changed' },
  unsigned_seal_added: { zh: '加了没有有效签名的印章', en: 'A seal without a valid signature was added' },
  field_added: { zh: '加了表单字段', en: 'A form field was added' },
  field_removed: { zh: '表单字段被删除', en: 'A form field was removed' },
  field_changed: { zh: '表单字段的设置被改动', en: 'A form field’s settings were changed' },
  form_changed: { zh: '表单设置被改动', en: 'The form was changed' },
  action_changed: { zh: '加入或改动了自动动作（如脚本）', en: 'An action, such as a script, was added or changed' },
  layers_changed: { zh: '图层的显示被改动', en: 'Layers were shown or hidden' },
  names_changed: {
    zh: '文件的名称目录被改动（可能含脚本或附件）',
    en: 'The name directory was changed, which may hold scripts or attachments',
  },
  outline_changed: { zh: '书签被改动', en: 'The bookmarks were changed' },
  structure_changed: { zh: '文件的结构标记被改动', en: 'The structure tags were changed' },
  attachments_changed: { zh: '附件被改动', en: 'The attachments were changed' },
  permissions_changed: { zh: '文件的权限声明被改动', en: 'The file’s permissions were changed' },
  encryption_changed: { zh: '文件的加密被改动', en: 'The encryption was changed' },
  catalog_changed: { zh: '文件的总目录被改动', en: 'The document’s catalog was changed' },
  catalog_replaced: { zh: '文件的总目录被换成另一个', en: 'The document’s catalog was replaced by another' },
  object_redirected: {
    zh: '文件目录被改为指向藏在旧内容里的对象',
    en: 'The file was made to show what lay hidden in older bytes',
  },
  hidden_bytes: { zh: '文件里藏有目录没有列出的内容', en: 'The file holds bytes that none of its directories names' },
  ambiguous_object: {
    zh: '文件里有不同软件会读出不同结果的内容',
    en: 'Programs will read part of the file differently',
  },
  bytes_appended: { zh: '文件末尾被追加了无法识别的内容', en: 'Bytes that are no proper save were added at the end' },
  history_replaced: {
    zh: '文件被重新编排，签名时的版本已不在其中',
    en: 'The file was rebuilt; the version that was signed is no longer part of it',
  },
  object_changed: { zh: '文件内容被改动', en: 'Part of the document was changed' },
};
