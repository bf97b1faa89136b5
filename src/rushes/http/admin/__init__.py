"""The operators' API: `/admin/v1`, for keys with the scope `admin`; the acts are `deeds/`."""
