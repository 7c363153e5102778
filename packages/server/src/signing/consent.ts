import { createHash } from 'node:crypto';

/** What a signer agrees to before anything of the document is shown. A changed text is a new version. */
export interface ConsentText {
  readonly version: string;
  readonly text: { readonly zh: string; readonly en: string };
  /** Lower-case hex over both texts as a JSON array, Chinese first. */
  readonly sha256: string;
}

const ZH = [
  '一、您即将以电子签名的方式签署文件。依照《中华人民共和国电子签名法》，可靠的电子签名与手写签名或者盖章具有同等的法律效力。您有权不使用电子签名，如不同意，请关闭本页面或拒签，并与发起方另行约定签署方式。',
  '二、您确认：您就是本页面所示的签署人，手机号码由您本人使用，验证码没有告诉他人；代表企业签署的，您已取得企业授权。',
  '三、您同意由本服务根据您的姓名与身份证号码为您签发数字证书，并仅在您最后确认签署时使用证书对应的私钥为您所看到的文件签名。证书中不含您的身份证号码。',
  '四、为证明签署过程，本服务记录您的姓名、证件号码、手机号码、操作时间、网络地址、浏览器信息、阅读各页的时间和手写笔迹，并在出具证据时提供给合同各方、仲裁机构或者法院。',
  '五、签署完成后您可以下载并保存文件。',
].join('\n');

const EN = [
  '1. You are about to sign a document electronically. Under the Electronic Signature Law of the PRC a reliable electronic signature has the same legal effect as a handwritten one or a seal. You are free not to sign in this way: if you do not agree, close this page or refuse, and settle another way with the initiator.',
  '2. You confirm that you are the signer shown on this page, that the mobile number is your own and that nobody else was told the code. If you sign for a company, you are authorised to.',
  '3. You agree that this service issues a digital certificate in your name, drawn from your name and ID number, and that its private key is used for the document which you see, and only when you confirm at the end. The certificate does not hold your ID number.',
  '4. To prove how the document was signed, this service records your name, ID number and mobile, the time of each act, your network address and browser, how long you read each page, and your handwriting. As evidence it is given to the parties, to arbitrators or to a court.',
  '5. When everything is signed, you can download the document and keep it.',
].join('\n');

export const CONSENT: ConsentText = {
  version: '2026-11',
  text: { zh: ZH, en: EN },
  sha256: createHash('sha256')
    .update(JSON.stringify([ZH, EN]))
    .digest('hex'),
};
