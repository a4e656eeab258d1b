import pytest

from speech.text.assimilation import BY_LANGUAGE, NEAREST, assimilate
from speech.text.phones import PHONES, PhoneError, phones

# A row of each table that the recipe reads: together they have every symbol that is not rare there.
TABLES = """
aze ɟ y l n ɑː ɾ æ
ces ɦ o r ɪ m iː r
ces r̝ ɛ h o r̝
dan pʰ eː ˀ d̥ ɐ
deu ˈ h a ɪ̯ n ʁ ɪ ç
deu ʃ ʏ t s
eng k ə s ɑː n d ɹ ə
eng t͡ʃ ɚ t͡ʃ
eng w ɝ d
est o lʲ ɡ̊ ɑ
fra ɛ m a n ɥ ɛ l
fra s ə ɡ ɛ̃
fra ʒ ɑ̃ p ɔ l
gle n̪ˠ iː vˠ
hbs z ǒ r a n
hbs ʎ û b i t͡ɕ
hun m ɒ r ɡ i t
hun ɟ ø r ɟ
ind t͡ʃ a ʔ
isl eiː j ɪ t l
isl s ɪ ɣ m ʏ n t ʏ r
ita d͡ʒ u ʎ ʎ a
nld v ɑ n ɣ ɔ x
nld ʋ ɪ l ə m
pol v ɔ j t͡ɕ ɛ x
pol ʂ t͡ʂ ɨ ɡ ʑ
por ʒ u ɐ̃ w̃
por kɾ i ʃ t j ɐ n ʊ
por χ ɔ d͡ʒ ɾ i ɡ u
ron m i r t͡ʃ e̯ a
slk ɲ i n a
slv máː r j a n
spa x e ɾ t ɾ u d i s
spa b e θ e r a
spa ʝ o l ã n d a
spa ɡ a l β̞ a n
swe ɧ a ɭ o t
swe ʉː l f
tur j ɯ ɫ m ɑ z
vie ɓ əː w ˧˧
vie ɗ ɨ ɤ ŋ͡m ˨˩
vie ʈ ʂ ʐ c ɲ
yor k͡p ɔ̄ ɡ͡b
ell ʝ o r ɣ o s
kor k͈ ɯ m ɕʰ i
jpn ɕ i ɲ ɴ ɰᵝ a ɸ ɯ̟ᵝ
ara ʕ a l iː ħ
ara q i sˤ ʔ
hin bʱ ə ɽ ɖ
hin ɳ ʈʰ
zul ǀ ǁ ǃ ɬ ɮ
hau ɓ ɗ kʼ
cym ɬ a n
mlt ħ
tha ɤː
bul ɫ ɤ
ukr ʋ ɪ ʲ
ben ɔ̃
tam ɻ ɯ
lav c ɟ
afr ø œ
""".strip().splitlines()


@pytest.mark.parametrize("row", TABLES, ids=str)
def test_every_symbol_of_the_tables_is_heard_as_some_phone(row):
    language, _, ipa = row.partition(" ")
    assert set(assimilate(ipa.replace(" ", ""), language)) <= set(PHONES)


@pytest.mark.parametrize(
    ("ipa", "language", "english"),
    [
        ("søʁɛn", "fra", "sɜɹɛn"),
        ("ɲiɲo", "spa", "njinjo"),
        ("ʒɑ̃", "fra", "ʒɑn"),
        ("lɑ̃bɛʁ", "fra", "lɑmbɛɹ"),
        ("ʒuɐ̃w̃", "por", "ʒuɐʊn"),
        ("tajːip", "tur", "tajip"),
        ("hysejn", "aze", "huseɪn"),
        ("həwŋ͡m˨˩", "vie", "həʊŋ"),
        ("ɟørɟ", "hun", "djɜɹdj"),
        ("ʝolanda", "spa", "jolanda"),
        ("pɛtr̩", "ces", "pɛtəɹ"),
    ],
)
def test_foreign_sounds_become_the_nearest_english_ones(ipa, language, english):
    assert assimilate(ipa, language) == phones(english)


def test_stress_length_and_tone_make_no_difference():
    assert assimilate("ˈmaːr.ko˧˥", "vie") == assimilate("marko", "vie")


def test_english_transcriptions_stay_as_they_are():
    for ipa in ("ɹaɪli", "wɔɾəɹz", "dʒɛnɪfəɹ", "θɛlmə"):
        assert assimilate(ipa, "eng") == phones(ipa)


def test_an_unknown_symbol_is_named_with_its_place():
    with pytest.raises(PhoneError, match=r"/ma§o/|no sound|'Ж' \(character 3\)"):
        assimilate("maЖo")


def test_what_has_no_sound_is_refused():
    with pytest.raises(PhoneError, match="no sound"):
        assimilate("ʔ", "deu")


def test_the_tables_lead_to_phones_alone():
    for table in (NEAREST, *BY_LANGUAGE.values()):
        for sound in filter(None, table.values()):
            assert phones(sound), sound
