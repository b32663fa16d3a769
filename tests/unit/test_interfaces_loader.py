"""Interface files: what is right is read, what is wrong is named by file and field."""

import pytest
import yaml

from rongqiao.contracts.interfaces import interfaces_root, load_interfaces, read_interface
from rongqiao.kernel.errors import ContractError


def good():
    return yaml.safe_load((interfaces_root() / "tax_filing_months.yaml").read_text(encoding="utf-8"))


def read(tmp_path, node):
    path = tmp_path / "tax_filing_months.yaml"
    path.write_text(yaml.safe_dump(node, allow_unicode=True), encoding="utf-8")
    return read_interface(path)


def test_all_interfaces_of_the_house_are_valid():
    found = load_interfaces()
    assert {"enterprise_profile", "tax_filing_months"} <= set(found)
    assert found["enterprise_profile"].is_public
    assert found["tax_filing_months"].data_classes == ("tax",)


def test_a_mask_holds_except_for_the_purposes_named(tmp_path):
    interface = read(tmp_path, good())
    asked = ("taxation.tax_filing", "taxable_sales_cny")
    assert interface.mask_of(*asked, "guarantee") == "amount_band"
    assert interface.mask_of(*asked, "pre_loan") == "none"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": "other"}, "id"),
        ({"colour": "red"}, "fields"),
        ({"version": "1"}, "version"),
        ({"ping": "hourly"}, "ping"),
        ({"provider": "nobody"}, "provider"),
        ({"purposes": ["curiosity"]}, "catalog/consent.yaml"),
        ({"purposes": []}, "at least one purpose"),
        ({"question": " "}, "question"),
        ({"throttle_per_minute": 0}, "throttle_per_minute"),
        ({"price_cny": -1}, "price_cny"),
        ({"datasets": []}, "datasets"),
        ({"masks": [{"field": "a.b", "rule": "tail4"}]}, r"masks\[0\].field"),
    ],
)
def test_a_wrong_field_is_named_with_file_and_remedy(tmp_path, change, words):
    with pytest.raises(ContractError, match=words) as caught:
        read(tmp_path, good() | change)
    assert "tax_filing_months.yaml" in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"contract": "taxation.nothing"}, "contract"),
        ({"fields": ["uscc"]}, "stand in every answer"),
        ({"fields": ["colour"]}, "has: uscc"),
        ({"fields": []}, "at least one item"),
        ({"order": "colour"}, "order"),
        ({"rows": 100_000}, "rows"),
    ],
)
def test_a_wrong_dataset_is_named(tmp_path, change, words):
    node = good()
    node["datasets"][0] |= change
    with pytest.raises(ContractError, match=words):
        read(tmp_path, node)


def test_personal_items_are_for_statutory_duty_alone(tmp_path):
    node = good()
    node["datasets"] = [
        {
            "contract": "market_regulation.registry",
            "title": "登记",
            "rows": 1,
            "fields": ["legal_rep_id_hmac"],
        }
    ]
    node["masks"] = []
    with pytest.raises(ContractError, match="L4"):
        read(tmp_path, node)
    node["purposes"] = ["government_duty"]
    assert read(tmp_path, node).datasets[0].fields == ("legal_rep_id_hmac",)
