import type { Subbranch } from './terms.ts';

const office = (bank: string, bankName: string, cnapsCode: string, province: string, city: string): Subbranch => ({
  bankName,
  bank,
  cnapsCode,
  city,
  province,
});

/**
 * Head offices of nation-wide banks with their CNAPS codes (联行号), each as at least two published lists of their own
 * have it. They are a help for whoever types a bank's name and no authority: codes change, and older ones live on in
 * lists. What the operator imports (`yinxin verification subbranches FILE`) wins, and branches come from there alone.
 */
export const BANKS: readonly Subbranch[] = [
  office('中国工商银行', '中国工商银行总行清算中心', '102100099996', '北京', '北京市'),
  office('中国农业银行', '中国农业银行资金清算中心', '103100000026', '北京', '北京市'),
  office('中国银行', '中国银行总行', '104100000004', '北京', '北京市'),
  office('中国建设银行', '中国建设银行总行', '105100000017', '北京', '北京市'),
  office('国家开发银行', '国家开发银行总行', '201100000017', '北京', '北京市'),
  office('交通银行', '交通银行总行', '301290000007', '上海', '上海市'),
  office('中信银行', '中信银行总行', '302100011000', '北京', '北京市'),
  office('中国光大银行', '中国光大银行总行', '303100000006', '北京', '北京市'),
  office('华夏银行', '华夏银行总行', '304100040000', '北京', '北京市'),
  office('中国民生银行', '中国民生银行总行', '305100000013', '北京', '北京市'),
  office('广发银行', '广发银行总行', '306581000003', '广东', '广州市'),
  office('平安银行', '平安银行总行', '307584007998', '广东', '深圳市'),
  office('招商银行', '招商银行总行', '308584000013', '广东', '深圳市'),
  office('兴业银行', '兴业银行总行', '309391000011', '福建', '福州市'),
  office('上海浦东发展银行', '上海浦东发展银行总行', '310290000013', '上海', '上海市'),
  office('恒丰银行', '恒丰银行总行', '315456000105', '山东', '烟台市'),
  office('浙商银行', '浙商银行总行', '316331000018', '浙江', '杭州市'),
  office('渤海银行', '渤海银行总行', '318110000014', '天津', '天津市'),
  office('北京银行', '北京银行总行', '313100000013', '北京', '北京市'),
  office('上海银行', '上海银行总行', '325290000012', '上海', '上海市'),
  office('中国邮政储蓄银行', '中国邮政储蓄银行总行', '403100000004', '北京', '北京市'),
];
