"""Where the stores stand: real Serbian places by size, with coordinates and population from GeoNames (CC BY 4.0, geonames.org).

Streets and neighbourhoods are real names chosen for illustration; no real shop is meant.
"""

from __future__ import annotations

from typing import NamedTuple


class StorePlace(NamedTuple):
    city: str
    name: str
    street: str
    postal_code: str
    latitude: float
    longitude: float
    population: int


BELGRADE, NOVI_SAD, NIS = 1_273_651, 215_400, 250_000

STORES: tuple[StorePlace, ...] = (
    StorePlace("Beograd", "Terazije", "Terazije 27", "11000", 44.8131, 20.4606, BELGRADE),
    StorePlace("Beograd", "Vračar", "Bulevar kralja Aleksandra 81", "11000", 44.8060, 20.4765, BELGRADE),
    StorePlace("Beograd", "Dorćol", "Cara Dušana 40", "11000", 44.8235, 20.4620, BELGRADE),
    StorePlace("Beograd", "Slavija", "Kralja Milana 52", "11000", 44.8029, 20.4663, BELGRADE),
    StorePlace("Beograd", "Novi Beograd, Blok 21", "Bulevar Mihajla Pupina 10", "11070", 44.8150, 20.4230, BELGRADE),
    StorePlace("Beograd", "Ušće", "Bulevar Mihajla Pupina 4", "11070", 44.8163, 20.4366, BELGRADE),
    StorePlace("Beograd", "Bežanijska kosa", "Partizanske avijacije 4", "11077", 44.8196, 20.3743, BELGRADE),
    StorePlace("Beograd", "Banovo brdo", "Požeška 83", "11030", 44.7806, 20.4160, BELGRADE),
    StorePlace("Beograd", "Voždovac", "Vojvode Stepe 120", "11010", 44.7755, 20.4810, BELGRADE),
    StorePlace("Beograd", "Banjica", "Crnotravska 11", "11040", 44.7560, 20.4770, BELGRADE),
    StorePlace("Beograd", "Zvezdara", "Bulevar kralja Aleksandra 334", "11050", 44.7945, 20.5050, BELGRADE),
    StorePlace("Beograd", "Karaburma", "Marijane Gregoran 60", "11060", 44.8165, 20.5130, BELGRADE),
    StorePlace("Beograd", "Mirijevo", "Mirijevski venac 14", "11160", 44.7935, 20.5370, BELGRADE),
    StorePlace("Beograd", "Rakovica", "Miška Kranjca 12", "11090", 44.7480, 20.4440, BELGRADE),
    StorePlace("Novi Sad", "Zmaj Jovina", "Zmaj Jovina 21", "21000", 45.2564, 19.8460, NOVI_SAD),
    StorePlace("Novi Sad", "Promenada", "Bulevar oslobođenja 119", "21000", 45.2447, 19.8420, NOVI_SAD),
    StorePlace("Novi Sad", "Liman", "Narodnog fronta 31", "21000", 45.2382, 19.8400, NOVI_SAD),
    StorePlace("Novi Sad", "Detelinara", "Rumenačka 33", "21000", 45.2650, 19.8200, NOVI_SAD),
    StorePlace("Novi Sad", "Podbara", "Temerinska 20", "21000", 45.2630, 19.8480, NOVI_SAD),
    StorePlace("Niš", "Obrenovićeva", "Obrenovićeva 46", "18000", 43.3193, 21.8960, NIS),
    StorePlace("Niš", "Bulevar Nemanjića", "Bulevar Nemanjića 25", "18000", 43.3180, 21.9180, NIS),
    StorePlace("Niš", "Medijana", "Bulevar Zorana Đinđića 37", "18000", 43.3140, 21.9110, NIS),
    StorePlace("Zemun", "Gospodska", "Gospodska 12", "11080", 44.8458, 20.4012, 155_591),
    StorePlace("Kragujevac", "Kragujevac", "Kralja Petra I 20", "34000", 44.0167, 20.9167, 147_473),
    StorePlace("Čačak", "Čačak", "Gradsko šetalište 5", "32000", 43.8914, 20.3497, 117_072),
    StorePlace("Subotica", "Subotica", "Korzo 8", "24000", 46.1000, 19.6667, 100_000),
    StorePlace("Leskovac", "Leskovac", "Bulevar oslobođenja 14", "16000", 42.9981, 21.9461, 94_758),
    StorePlace("Novi Pazar", "Novi Pazar", "28. novembra 30", "36300", 43.1367, 20.5122, 85_996),
    StorePlace("Kraljevo", "Kraljevo", "Omladinska 10", "36000", 43.7258, 20.6894, 82_846),
    StorePlace("Zrenjanin", "Zrenjanin", "Kralja Aleksandra I 7", "23000", 45.3836, 20.3819, 79_773),
    StorePlace("Pančevo", "Pančevo", "Trg kralja Petra I 3", "26000", 44.8718, 20.6417, 76_654),
    StorePlace("Kruševac", "Kruševac", "Vece Korčagina 2", "37000", 43.5800, 21.3339, 75_256),
    StorePlace("Užice", "Užice", "Dimitrija Tucovića 52", "31000", 43.8586, 19.8488, 63_577),
    StorePlace("Smederevo", "Smederevo", "Kralja Petra I 9", "11300", 44.6644, 20.9276, 62_000),
    StorePlace("Valjevo", "Valjevo", "Karađorđeva 60", "14000", 44.2751, 19.8982, 61_035),
    StorePlace("Vranje", "Vranje", "Kralja Milana 15", "17500", 42.5514, 21.9003, 56_199),
    StorePlace("Šabac", "Šabac", "Gospodar Jevremova 8", "15000", 44.7467, 19.6900, 55_114),
    StorePlace("Zaječar", "Zaječar", "Ljube Nešića 20", "19000", 43.9036, 22.2641, 49_800),
    StorePlace("Trstenik", "Trstenik", "Cara Dušana 6", "37240", 43.6169, 21.0025, 49_043),
    StorePlace("Sombor", "Sombor", "Kralja Petra I 14", "25000", 45.7742, 19.1122, 48_454),
    StorePlace("Kikinda", "Kikinda", "Braće Tatić 4", "23300", 45.8297, 20.4653, 41_935),
    StorePlace("Požarevac", "Požarevac", "Moše Pijade 12", "12000", 44.6213, 21.1878, 41_736),
    StorePlace("Pirot", "Pirot", "Trg slobode 18", "18300", 43.1531, 22.5861, 40_678),
    StorePlace("Bor", "Bor", "Moše Pijade 3", "19210", 44.0749, 22.0959, 39_387),
    StorePlace("Sremska Mitrovica", "Sremska Mitrovica", "Kralja Petra I 31", "22000", 44.9764, 19.6122, 39_084),
    StorePlace("Vršac", "Vršac", "Sterijina 16", "26300", 45.1167, 21.3036, 36_300),
    StorePlace("Jagodina", "Jagodina", "Kneginje Milice 22", "35000", 43.9771, 21.2612, 35_589),
    StorePlace("Ruma", "Ruma", "Glavna 140", "22400", 45.0081, 19.8222, 32_229),
    StorePlace("Bačka Palanka", "Bačka Palanka", "Kralja Petra I 25", "21400", 45.2497, 19.3966, 29_449),
    StorePlace("Prokuplje", "Prokuplje", "9. oktobra 11", "18400", 43.2342, 21.5881, 27_673),
    StorePlace("Smederevska Palanka", "Smederevska Palanka", "Svetosavska 8", "11420", 44.3655, 20.9589, 27_000),
    StorePlace("Vrbas", "Vrbas", "Maršala Tita 63", "21460", 45.5714, 19.6408, 25_907),
    StorePlace("Bečej", "Bečej", "Glavna 9", "21220", 45.6163, 20.0333, 25_774),
    StorePlace("Knjaževac", "Knjaževac", "Kneza Miloša 13", "19350", 43.5663, 22.2570, 25_000),
    StorePlace("Inđija", "Inđija", "Vojvode Stepe 5", "22320", 45.0482, 20.0817, 24_450),
    StorePlace("Aranđelovac", "Aranđelovac", "Knjaza Miloša 157", "34300", 44.3069, 20.5600, 24_309),
    StorePlace("Gornji Milanovac", "Gornji Milanovac", "Karađorđeva 10", "32300", 44.0260, 20.4615, 23_982),
    StorePlace("Lazarevac", "Lazarevac", "Karađorđeva 25", "11550", 44.3853, 20.2557, 23_551),
    StorePlace("Sremčica", "Sremčica", "Beogradska 102", "11253", 44.6765, 20.3923, 23_000),
    StorePlace("Ćuprija", "Ćuprija", "Cara Lazara 50", "35230", 43.9275, 21.3700, 20_585),
)  # fmt: skip


class Postcode(NamedTuple):
    """`place` is where the letters go; population 0 where it is not known."""

    postal_code: str
    place: str
    latitude: float
    longitude: float
    population: int


# More post offices than those of the stores, so that the sample has villages and every region even without the full table.
_OTHERS: tuple[Postcode, ...] = (
    Postcode("11060", "Beograd", 44.8040, 20.4651, BELGRADE),
    Postcode("11120", "Beograd", 44.8040, 20.4651, BELGRADE),
    Postcode("11260", "Umka", 44.6780, 20.3050, 5_236),
    Postcode("11400", "Mladenovac", 44.4367, 20.6922, 23_609),
    Postcode("11500", "Obrenovac", 44.6550, 20.2000, 24_568),
    Postcode("12220", "Veliko Gradište", 44.7650, 21.5160, 5_825),
    Postcode("12240", "Kučevo", 44.4780, 21.6680, 3_944),
    Postcode("14210", "Ub", 44.4560, 20.0730, 6_164),
    Postcode("14240", "Ljig", 44.2260, 20.2390, 3_226),
    Postcode("15300", "Loznica", 44.5312, 19.2427, 19_515),
    Postcode("15320", "Ljubovija", 44.1870, 19.3720, 4_130),
    Postcode("16230", "Lebane", 42.9220, 21.7370, 10_062),
    Postcode("17520", "Bujanovac", 42.4600, 21.7670, 12_011),
    Postcode("18220", "Aleksinac", 43.5420, 21.7080, 17_171),
    Postcode("18320", "Dimitrovgrad", 43.0170, 22.7790, 6_968),
    Postcode("19300", "Negotin", 44.2260, 22.5310, 17_612),
    Postcode("19370", "Boljevac", 43.8280, 21.9520, 3_784),
    Postcode("21131", "Petrovaradin", 45.2460, 19.8790, 13_917),
    Postcode("21205", "Sremski Karlovci", 45.2030, 19.9340, 8_839),
    Postcode("21235", "Temerin", 45.4080, 19.8890, 19_216),
    Postcode("21480", "Srbobran", 45.5520, 19.8020, 13_091),
    Postcode("22240", "Šid", 45.1280, 19.2260, 16_311),
    Postcode("22325", "Krčedin", 45.1387, 20.1331, 2_877),
    Postcode("23264", "Farkaždin", 45.1917, 20.4724, 1_662),
    Postcode("23330", "Novi Kneževac", 46.0500, 20.1000, 7_581),
    Postcode("24300", "Bačka Topola", 45.8150, 19.6330, 16_171),
    Postcode("24400", "Senta", 45.9275, 20.0772, 20_302),
    Postcode("25250", "Odžaci", 45.5060, 19.2610, 9_940),
    Postcode("25260", "Apatin", 45.6710, 18.9850, 19_320),
    Postcode("26220", "Kovin", 44.7470, 20.9760, 14_250),
    Postcode("26340", "Bela Crkva", 44.8980, 21.4170, 10_675),
    Postcode("31205", "Sevojno", 43.8440, 19.8890, 7_445),
    Postcode("31230", "Arilje", 43.7530, 20.0950, 6_744),
    Postcode("31300", "Prijepolje", 43.3900, 19.6480, 15_031),
    Postcode("31315", "Zlatibor", 43.7290, 19.7000, 2_344),
    Postcode("32250", "Ivanjica", 43.5810, 20.2290, 12_350),
    Postcode("34210", "Rača", 44.2270, 20.9780, 2_744),
    Postcode("35000", "Jagodina", 43.9771, 21.2612, 35_589),
    Postcode("35250", "Paraćin", 43.8610, 21.4080, 25_292),
    Postcode("36210", "Vrnjačka Banja", 43.6270, 20.8960, 9_877),
    Postcode("36320", "Tutin", 42.9900, 20.3310, 9_111),
    Postcode("37210", "Ćićevac", 43.7190, 21.4450, 5_094),
    Postcode("37230", "Aleksandrovac", 43.4590, 21.0470, 6_476),
)


def shipped_postcodes() -> list[Postcode]:
    """One entry per code: the stores' own and the others."""
    codes = {
        store.postal_code: Postcode(
            store.postal_code, store.city, store.latitude, store.longitude, store.population
        )
        for store in reversed(STORES)
    }
    for each in _OTHERS:
        codes.setdefault(each.postal_code, each)
    return [codes[code] for code in sorted(codes)]
