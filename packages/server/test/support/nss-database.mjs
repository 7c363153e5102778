// Makes an NSS database that trusts one certificate, as `certutil -A -t CT,C,C` does, which few machines have.
// A process of its own: NSS opens one database for each process.
import koffi from 'koffi';
import { readFileSync } from 'node:fs';

const [folder, certificateFile] = process.argv.slice(2);
const nss = koffi.load(process.platform === 'darwin' ? 'libnss3.dylib' : 'libnss3.so');
/** @param {string} name @param {string} result @param {...string} types */
const bind = (name, result, ...types) => nss.func(name, result, types);

/** @param {string} call @param {number} status */
function done(call, status) {
  if (status !== 0) throw new Error(`${call} failed`);
}

const VALID_TRUSTED_CA = 0x08 | 0x10 | 0x80;
done('NSS_InitReadWrite', bind('NSS_InitReadWrite', 'int', 'str')(`sql:${folder}`));
const slot = bind('PK11_GetInternalKeySlot', 'void *')();
done('PK11_InitPin', bind('PK11_InitPin', 'int', 'void *', 'str', 'str')(slot, null, ''));
const der = readFileSync(certificateFile ?? '');
// SECItem: type, pointer, length.
const item = Buffer.alloc(24);
item.writeBigUInt64LE(koffi.address(der), 8);
item.writeUInt32LE(der.length, 16);
const database = bind('CERT_GetDefaultCertDB', 'void *')();
const decode = bind('CERT_NewTempCertificate', 'void *', 'void *', 'void *', 'str', 'int', 'int');
const certificate = decode(database, item, null, 0, 1);
const importCertificate = bind('PK11_ImportCert', 'int', 'void *', 'void *', 'unsigned long', 'str', 'int');
done('PK11_ImportCert', importCertificate(slot, certificate, 0, 'root', 0));
const trust = Buffer.alloc(12);
for (const at of [0, 4, 8]) trust.writeUInt32LE(VALID_TRUSTED_CA, at);
done(
  'CERT_ChangeCertTrust',
  bind('CERT_ChangeCertTrust', 'int', 'void *', 'void *', 'void *')(database, certificate, trust),
);
