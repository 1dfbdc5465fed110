SELECT
  origin,
  time_hour AS measured_at,
  time_hour + INTERVAL 1 HOUR AS published_at,
  temp AS temperature,
  wind_speed,
  wind_gust,
  visib AS visibility,
  pressure,
  precip AS precipitation
FROM weather
