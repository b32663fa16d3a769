"""Industry profiles of the synthetic province: what a firm of a class sells, employs, burns and invents.

The numbers are rough orders of magnitude, chosen so that headcount, electricity, invoices and tax agree with each
other. They are fiction for a demonstration, not statistics.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IndustryProfile:
    """One class of GB/T 4754-2017 as the generator sees it.

    Parameters
    ----------
    code : str
        Letter and four digits.
    words : tuple of str
        Words that such firms carry in their names.
    weight : float
        Share in an average county, unnormalised.
    sales_cny : float
        Scale of yearly sales (the minimum of the size distribution), in yuan.
    sales_per_head_cny : float
        Yearly sales per employee, in yuan.
    kwh_per_wan : float
        Electricity per 10,000 yuan of sales; 0 where the use is not metered apart.
    margin_ratio : float
        Typical net margin.
    season : str
        Name of the seasonal pattern in :data:`SEASONS`.
    technology : float
        Propensity to hold patents and titles, 0..1.
    scope : str
        Business scope as it stands on the licence.
    """

    code: str
    words: tuple[str, ...]
    weight: float
    sales_cny: float
    sales_per_head_cny: float
    kwh_per_wan: float
    margin_ratio: float
    season: str
    technology: float
    scope: str

    @property
    def section(self) -> str:
        """Letter of the section."""
        return self.code[0]


# January to December, mean about 1: February is short and holds the Spring Festival.
SEASONS: dict[str, tuple[float, ...]] = {
    "flat": (1.0, 0.85, 1.0, 1.0, 1.0, 1.02, 1.0, 1.0, 1.02, 1.0, 1.03, 1.08),
    "factory": (0.95, 0.68, 1.02, 1.04, 1.05, 1.04, 0.98, 0.98, 1.06, 1.03, 1.06, 1.11),
    "building": (0.72, 0.5, 0.85, 1.0, 1.05, 1.1, 0.98, 0.98, 1.1, 1.12, 1.2, 1.4),
    "harvest": (0.8, 0.7, 0.75, 0.8, 0.9, 0.95, 1.1, 1.2, 1.4, 1.4, 1.1, 0.9),
    "spring_tea": (0.6, 0.6, 1.4, 1.9, 1.5, 1.1, 0.8, 0.7, 0.9, 0.9, 0.8, 0.8),
    "festival": (1.6, 1.3, 0.7, 0.75, 0.8, 0.8, 0.8, 0.9, 1.1, 1.0, 1.05, 1.2),
    "summer": (0.8, 0.75, 0.85, 0.95, 1.1, 1.1, 1.3, 1.3, 1.0, 1.2, 0.85, 0.8),
}

# fmt: off
_ROWS: dict[str, tuple[str, str, float, float, float, float, float, str, float, str]] = {
    "rice": ("A0111", "米业 粮食种植 生态农业", 1.6, 400000, 220000, 120, 0.07, "harvest", 0.02, "水稻种植、粮食销售"),
    "vegetable": ("A0141", "蔬菜 农业 农业发展", 1.6, 400000, 180000, 150, 0.07, "flat", 0.02, "蔬菜种植、初加工及销售"),
    "citrus": ("A0153", "果业 柑橘 生态果园", 1.0, 400000, 200000, 90, 0.09, "harvest", 0.01, "柑橘种植与销售"),
    "tea_garden": ("A0164", "茶业 茶叶种植 生态茶园", 0.8, 400000, 190000, 100, 0.1, "spring_tea", 0.03, "茶叶种植、鲜叶收购"),
    "herb": ("A0171", "中药材 药材种植 本草", 0.7, 400000, 210000, 90, 0.1, "harvest", 0.03, "中草药种植与销售"),
    "pig": ("A0313", "牧业 生态养殖 畜牧", 1.0, 900000, 600000, 180, 0.05, "festival", 0.02, "生猪养殖与销售"),
    "fish": ("A0412", "水产 渔业 水产养殖", 0.8, 500000, 300000, 260, 0.08, "festival", 0.01, "内陆水产养殖"),
    "leadzinc": ("B0912", "矿业 铅锌矿业", 0.1, 4000000, 700000, 900, 0.08, "factory", 0.06, "铅锌矿采选"),
    "antimony": ("B0915", "锑业 矿业", 0.05, 4000000, 700000, 900, 0.09, "factory", 0.08, "锑矿采选"),
    "grain": ("C1319", "粮油 米业 粮食加工", 0.8, 1600000, 1300000, 220, 0.03, "harvest", 0.04, "粮食加工与销售"),
    "oil": ("C1331", "油茶 粮油 茶油", 0.8, 1200000, 900000, 230, 0.05, "festival", 0.07, "食用植物油加工与销售"),
    "meat": ("C1353", "食品 肉制品 腊味食品", 0.8, 1200000, 700000, 260, 0.05, "festival", 0.06, "肉制品加工与销售"),
    "food": ("C1499", "食品 食品科技 辣味食品", 1.5, 1100000, 550000, 240, 0.05, "festival", 0.08, "食品生产与销售"),
    "tea": ("C1530", "茶业 茶厂 黑茶", 0.8, 900000, 500000, 190, 0.08, "spring_tea", 0.08, "精制茶加工与销售"),
    "garment": ("C1819", "服饰 制衣 服装", 0.9, 900000, 260000, 110, 0.05, "factory", 0.03, "服装生产与销售"),
    "luggage": ("C1922", "箱包 皮具", 0.15, 1000000, 280000, 130, 0.05, "factory", 0.05, "箱包、皮具生产与销售"),
    "shoe": ("C1952", "鞋业 制鞋", 0.2, 1200000, 260000, 140, 0.05, "factory", 0.03, "鞋类生产与销售"),
    "bamboo": ("C2041", "竹业 竹木 竹制品", 0.7, 800000, 360000, 260, 0.06, "factory", 0.07, "竹制品加工与销售"),
    "furniture": ("C2110", "家具 家居 木业", 0.7, 800000, 360000, 200, 0.05, "factory", 0.05, "木质家具制造与销售"),
    "firework": ("C2672", "烟花 花炮 鞭炮烟花", 0.05, 1800000, 290000, 60, 0.08, "festival", 0.06, "烟花爆竹生产（凭许可证）"),
    "medicine": ("C2720", "制药 药业", 0.3, 4000000, 800000, 200, 0.11, "flat", 0.5, "药品生产与销售（凭许可证）"),
    "slices": ("C2730", "中药饮片 药业", 0.4, 2000000, 700000, 190, 0.08, "flat", 0.2, "中药饮片加工与销售"),
    "cement": ("C3021", "水泥制品 建材 混凝土", 0.9, 2400000, 1100000, 420, 0.04, "building", 0.05, "商品混凝土及水泥制品生产"),
    "building_ceramic": ("C3071", "陶瓷 建陶", 0.15, 3000000, 500000, 900, 0.05, "building", 0.08, "建筑陶瓷生产与销售"),
    "special_ceramic": ("C3073", "电瓷 特种陶瓷 瓷业", 0.1, 2200000, 450000, 800, 0.07, "factory", 0.28, "电瓷与特种陶瓷生产"),
    "daily_ceramic": ("C3074", "瓷业 陶瓷 釉下五彩", 0.1, 1500000, 320000, 700, 0.06, "factory", 0.1, "日用陶瓷生产与销售"),
    "antimony_smelt": ("C3215", "锑品 有色冶炼", 0.05, 6000000, 1600000, 800, 0.05, "factory", 0.12, "锑品冶炼与销售"),
    "silver": ("C3222", "白银 银业 有色金属", 0.05, 6000000, 2400000, 500, 0.03, "factory", 0.1, "银冶炼与综合回收"),
    "alloy": ("C3240", "新材料 合金材料 有色", 0.5, 3000000, 1100000, 600, 0.06, "factory", 0.4, "有色金属合金材料生产"),
    "carbide": ("C3231", "硬质合金 钨业", 0.08, 3000000, 900000, 500, 0.08, "factory", 0.42, "钨钼冶炼与硬质合金制造"),
    "foundry": ("C3391", "铸造 机械铸件", 0.6, 1600000, 500000, 900, 0.05, "factory", 0.1, "黑色金属铸造"),
    "hardware": ("C3351", "五金 金属制品", 0.8, 1000000, 400000, 320, 0.06, "factory", 0.08, "金属配件制造"),
    "pump": ("C3441", "泵业 流体机械", 0.3, 2000000, 550000, 190, 0.08, "factory", 0.35, "泵及真空设备制造"),
    "crane": ("C3432", "重工 起重机械", 0.2, 4000000, 900000, 150, 0.07, "factory", 0.4, "起重机械制造"),
    "machine": ("C3499", "机械 精密机械 智能装备", 1.4, 1800000, 550000, 200, 0.07, "factory", 0.35, "通用设备制造与销售"),
    "mining_machine": ("C3511", "矿山机械 矿机 重型装备", 0.4, 2400000, 600000, 210, 0.07, "factory", 0.3, "矿山机械制造"),
    "medical_device": ("C3584", "医疗器械 医疗科技", 0.4, 1800000, 600000, 130, 0.12, "flat", 0.5, "医疗器械生产与销售"),
    "eco_machine": ("C3591", "环保设备 环境科技", 0.4, 1800000, 600000, 170, 0.08, "factory", 0.45, "环境保护专用设备制造"),
    "auto_part": ("C3670", "汽车零部件 汽配", 0.7, 2800000, 600000, 260, 0.06, "factory", 0.3, "汽车零部件制造"),
    "rail_part": ("C3715", "轨道装备 机车配件 轨道交通设备", 0.1, 3000000, 700000, 240, 0.08, "factory", 0.45, "铁路机车车辆配件制造"),
    "lighter": ("C4119", "打火机 日用制品", 0.03, 1600000, 260000, 150, 0.05, "factory", 0.1, "日用杂品制造"),
    "battery": ("C3841", "新能源 锂电材料 电池", 0.3, 4000000, 900000, 420, 0.06, "factory", 0.5, "锂离子电池及材料制造"),
    "chip": ("C3973", "半导体 微电子", 0.12, 3000000, 900000, 300, 0.1, "flat", 0.7, "集成电路制造"),
    "component": ("C3989", "电子 电子科技", 0.8, 1800000, 400000, 220, 0.06, "factory", 0.35, "电子元件制造"),
    "house": ("E4710", "建筑工程 建设", 1.8, 3000000, 700000, 30, 0.03, "building", 0.04, "房屋建筑工程施工"),
    "road": ("E4813", "市政工程 路桥 建设工程", 1.0, 3000000, 800000, 30, 0.04, "building", 0.05, "市政道路工程施工"),
    "fitting": ("E5011", "装饰工程 装饰设计", 1.6, 900000, 450000, 20, 0.05, "building", 0.03, "建筑装饰工程设计施工"),
    "farm_wholesale": ("F5123", "农产品 果蔬贸易 商贸", 1.8, 1400000, 1500000, 25, 0.02, "festival", 0.01, "果品、蔬菜批发"),
    "food_wholesale": ("F5127", "酒业 商贸 贸易", 2.0, 1200000, 1400000, 15, 0.04, "festival", 0.01, "酒、饮料及茶叶批发"),
    "garment_wholesale": ("F5132", "服饰贸易 商贸", 1.0, 1000000, 1000000, 15, 0.04, "festival", 0.01, "服装批发"),
    "medicine_wholesale": ("F5151", "医药 医药贸易", 0.5, 3000000, 1800000, 20, 0.03, "flat", 0.02, "药品批发（凭许可证）"),
    "building_wholesale": ("F5165", "建材 建材贸易 商贸", 2.2, 1300000, 1600000, 12, 0.03, "building", 0.01, "建材批发"),
    "hardware_wholesale": ("F5174", "五金机电 贸易", 1.6, 1100000, 1400000, 12, 0.03, "flat", 0.01, "五金产品批发"),
    "retail": ("F5212", "超市 百货 生活超市", 1.8, 600000, 500000, 110, 0.03, "festival", 0.0, "日用百货零售"),
    "online_retail": ("F5292", "电子商务 网络科技", 1.5, 600000, 700000, 15, 0.04, "festival", 0.06, "互联网销售"),
    "car": ("F5261", "汽车销售 汽贸", 0.6, 3000000, 2200000, 30, 0.015, "flat", 0.0, "汽车新车零售"),
    "truck": ("G5439", "物流 运输 供应链", 1.6, 1000000, 450000, 15, 0.03, "flat", 0.03, "道路货物运输"),
    "cold_store": ("G5930", "冷链 冷链物流 仓储", 0.3, 1200000, 400000, 700, 0.05, "flat", 0.06, "低温仓储服务"),
    "hotel": ("H6110", "酒店 大酒店 宾馆", 0.6, 900000, 200000, 380, 0.05, "summer", 0.0, "住宿、餐饮服务"),
    "restaurant": ("H6210", "餐饮 餐饮管理", 1.8, 400000, 200000, 190, 0.06, "festival", 0.0, "正餐服务"),
    "software": ("I6513", "软件 信息技术 数据科技 智能科技", 1.6, 700000, 400000, 18, 0.1, "building", 0.55, "应用软件开发"),
    "integration": ("I6531", "信息系统 网络工程 科技", 0.9, 1000000, 500000, 20, 0.07, "building", 0.4, "信息系统集成服务"),
    "property": ("K7020", "物业 物业服务", 0.7, 600000, 90000, 60, 0.06, "flat", 0.0, "物业管理"),
    "rental": ("L7113", "设备租赁 工程机械租赁", 0.6, 700000, 600000, 12, 0.08, "building", 0.03, "建筑工程机械与设备租赁"),
    "advert": ("L7259", "文化传媒 广告", 1.4, 400000, 320000, 12, 0.08, "flat", 0.05, "广告设计、制作、代理"),
    "labour": ("L7269", "人力资源 劳务", 0.9, 1400000, 140000, 5, 0.03, "flat", 0.01, "人力资源服务"),
    "design": ("M7484", "工程设计 设计咨询", 0.6, 800000, 360000, 12, 0.1, "building", 0.25, "工程设计活动"),
    "research": ("M7320", "工程技术 科技 检测技术", 0.6, 700000, 400000, 25, 0.1, "flat", 0.6, "工程和技术研究与试验发展"),
    "pollution": ("N7721", "环保 环境工程 水处理", 0.4, 1000000, 450000, 200, 0.07, "building", 0.4, "水污染治理"),
    "scenic": ("N7869", "旅游 文旅 旅游开发", 0.3, 800000, 200000, 110, 0.06, "summer", 0.02, "旅游景区管理服务"),
    "repair": ("O8111", "汽车服务 汽修", 0.9, 400000, 240000, 60, 0.06, "flat", 0.0, "汽车修理与维护"),
}
# fmt: on

INDUSTRIES: dict[str, IndustryProfile] = {
    key: IndustryProfile(row[0], tuple(row[1].split()), *row[2:]) for key, row in _ROWS.items()
}
