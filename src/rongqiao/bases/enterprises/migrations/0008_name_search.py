from django.contrib.postgres.indexes import GinIndex
from django.db import migrations

from rongqiao.bases.enterprises.name_search import NameGrams

FUNCTION = """CREATE FUNCTION rongqiao_name_grams(name text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT array(SELECT substr(lower(name COLLATE "C"), i, 2) FROM generate_series(1, greatest(char_length(name) - 1, 1)) AS i)
$$"""


class Migration(migrations.Migration):
    dependencies = [("enterprises", "0007_packed_portraits")]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION rongqiao_name_grams(text)"),
        migrations.AddIndex("enterprise", GinIndex(NameGrams("name"), name="enterprise_name_grams")),
    ]
