SELECT id, name, units, long_name, source_name, periodicity, aggregation_method, scale, topic, category_group, dataset,
    currency_code, definition, sample_values
FROM indicators
