# ruff: noqa: E501
"""Databases of travel, towns, science and the law. The notation is explained in data/synthesis/worlds/worlds.py."""

WORLDS = """
airline_ops | airlines
airports 22: airport_code=code AP; airport_name=*North|South|West|Central|Lake/International|Regional|City|Field|Bay; city=city; country=country; elevation=int 0..2400
airlines 12: airline_id=key; airline_name=*Blue|Nordic|Pacific|Swift/Wings|Air|Express; country=country; fleet_size=int 4..300; low_cost=flag
flights 150: flight_no=key 300; airline_id=>airlines; origin=>airports; destination=>airports; departure_date=date 2022..2023; distance=int 150..9800; price=money 25..1400
passengers 70: passenger_id=key; first_name=first; last_name=last; nationality=country; frequent_flyer=yn
bookings 180: flight_no=>flights; passenger_id=>passengers; seat_class=economy|business|first; baggage_kg=int 0..40?

FleetAir | airlines
Pilot 35: PilotId=key; Name=person; Age=int 24..62; FlightHours=int 200..18000
Aircraft 20: AircraftId=key; Model=*Condor|Swallow|Heron|Kestrel|Osprey/100|200|300|400; Seats=int 19..420; Range=int 900..15000; BuiltYear=year 1992..2023
Certificate 80: PilotId=>Pilot; AircraftId=>Aircraft; IssuedOn=date 2008..2023
Incident 40: IncidentId=key; AircraftId=>Aircraft; IncidentDate=date 2012..2023; Severity=minor|serious|major; Phase=taxi|takeoff|cruise|landing

railway | trains
station 25: station_id=key; station_name=*Central|North|South|Harbour|Airport|University|Old Town/Station|Junction|Halt|Square; city=city; platforms=int 1..18; annual_passengers=int 20000..9000000
train 20: train_no=key 500; train_name=*Silver|Golden|Night|Coast|Mountain/Arrow|Express|Star|Liner; max_speed=int 90..320; seats=int 120..800; in_service_since=year 1985..2022
stops 170: train_no=>train; station_id=>station; arrival_hour=int 5..23; stop_minutes=int 1..20
conductor 25: conductor_id=key; name=person; birth_date=date 1960..2000; train_no=>train?

bike_share | transport
docks 25: dock_id=key; dock_name=*Market|Museum|Park|River|School|Theatre|Bridge/East|West|North|South; district=Old Town|Harbour|University|Hillside; capacity=int 8..45; opened_on=date 2014..2021
bikes 60: bike_id=key; bike_type=classic|electric|cargo; purchase_year=year 2014..2023; condition=good|fair|poor
riders 60: rider_id=key; rider_name=person; plan=annual|monthly|day pass; birth_year=year 1950..2006
trips 200: trip_id=key; bike_id=>bikes; rider_id=>riders; start_dock_id=>docks; end_dock_id=>docks; started_at=stamp 2022..2023; minutes=int 2..120

public_library | libraries
branch 10: branch_id=key; branch_name=*Central|Northside|Riverside|Hillcrest|Westgate|Eastfield|Parkview|Lakeshore|Old Mill|University; address=street; open_on_sunday=yn
book 80: isbn=code B; title=*A History of|The Art of|Understanding|The Secret Life of|Notes on/Bees|Bridges|Chess|Clouds|Coffee|Colour|Islands|Maps|Mountains|Music|Rivers|Salt|Silence|Stars|Trees|Walking; author=person; category=science|fiction|art|travel|cooking; publication_year=year 1960..2023
member 60: card_no=key 4000; name=person; birth_year=year 1938..2014; branch_id=>branch; joined=date 2010..2023
loan 170: loan_id=key; isbn=>book; card_no=>member; borrowed_on=date 2021..2023; returned_on=date 2022..2023?; fine=money 0.5..12?

city_council | government
party 7: party_id=key; party_name=*Green Union|Workers League|Liberal Forum|Civic Alliance|Farmers Party|New Centre|Independents; founded=year 1890..2015; leader=person
councillor 45: councillor_id=key; name=person; party_id=>party?; district=Harbour|Old Town|Northgate|Hillside|Riverside; elected_year=2012|2016|2020; age=int 23..78
committee 10: committee_id=key; committee_name=*Budget|Culture|Education|Environment|Health|Housing|Planning|Safety|Sports|Transport; meetings_per_year=int 4..24
committee_member 80: councillor_id=>councillor; committee_id=>committee; role=chair|member|deputy
motion 60: motion_id=key; councillor_id=>councillor; topic=parking|schools|taxes|parks|noise; submitted_on=date 2019..2023; votes_for=int 0..45; votes_against=int 0..45; passed=yn

election_results | government | nofk
county 20: County_Id=key; County_Name=*Ash|Birch|Clay|Dover|Elm|Frost|Grant|Hart|Iron|Jade/County|Borough; Population=int 9000..900000; Zip_code=int 10000..99000
candidate 40: candidate_id=key; full_name=person; party=Blue|Red|Green|Independent; age=int 27..80; incumbent=yn
votes 150: county_id=>county; candidate_id=>candidate; ballots=int 100..60000; year=2014|2018|2022

police_cases | crime | typed
officer 30: badge_no=key 1200; officer_name=person; rank=constable|sergeant|inspector|chief; station=Central|Harbour|North|West; joined_year=year 1990..2023
case_file 80: case_no=code K; crime_type=burglary|fraud|robbery|vandalism|assault; reported_on=date 2019..2023; district=Old Town|Docks|Suburb|Campus; solved=yn; damage_amount=money 50..90000?
assignment 110: case_no=>case_file; badge_no=>officer; hours_spent=int 1..220
suspect 90: suspect_id=key; suspect_name=person; age=int 16..75; case_no=>case_file; arrested=yn

research_lab | science
scientists 45: ssn=key 110; name=person; field=chemistry|physics|biology|mathematics|computer science; degree_year=year 1980..2022; h_index=int 1..80
projects 25: code=code PR; name=*Deep|Solar|Quantum|Marine|Neural/Imaging|Storage|Networks|Sensors|Materials; hours=int 100..5000; start_date=date 2014..2023; funding=int 20000..3000000
assigned_to 100: scientist=>scientists; project=>projects; since_year=year 2015..2023
publications 90: pub_id=key; title=*On|Towards|Limits of|Advances in|A Survey of/Catalysis|Lasers|Proteins|Graphs|Fluids|Enzymes|Plasmas|Lattices|Sensors|Polymers|Neurons|Crystals|Cells|Magnets|Waves|Codes|Models|Orbits; lead_author=>scientists; year=year 2005..2023; citations=int 0..1800

space_missions | space
Agency 8: AgencyID=key; AgencyName=*Northern Space Office|Pacific Launch Agency|Orbital Institute|Aurora Space|Polar Research Council|Star Bureau|Meridian Space|Southern Cross Agency; Country=country; FoundedYear=year 1955..2010; AnnualBudget=int 20000000..9000000000
Astronaut 35: AstronautID=key; AstronautName=person; BirthDate=date 1945..1992; AgencyID=>Agency; SpacewalkHours=real 0..60?
Mission 40: MissionID=key; MissionName=*Dawn|Vega|Polaris|Helios|Orion|Lyra/1|2|3|4|5|6|7; AgencyID=>Agency; LaunchDate=date 1985..2023; Destination=Moon|Mars|Low Orbit|Venus; Crewed=yn; Cost=int 1000000..900000000
CrewAssignment 80: MissionID=>Mission; AstronautID=>Astronaut; Role=commander|pilot|engineer|scientist

world_atlas | geography
continent 6: continent_id=key; continent_name=*Africa|Asia|Europe|North America|Oceania|South America
country 40: country_code=code N; country_name=*Argentina|Australia|Austria|Belgium|Brazil|Canada|Chile|China|Colombia|Denmark|Egypt|Finland|France|Germany|Ghana|Greece|Hungary|India|Ireland|Italy|Japan|Kenya|Mexico|Morocco|Netherlands|Nigeria|Norway|Peru|Poland|Portugal|South Africa|South Korea|Spain|Sweden|Switzerland|Thailand|Turkey|United Kingdom|United States|Vietnam; continent_id=>continent; population=int 300000..1400000000; surface_area=int 20000..9900000; independence_year=year 1800..1990?; government_form=republic|monarchy|federation
city 65: city_id=key; city_name=*Amsterdam|Athens|Austin|Barcelona|Bergen|Berlin|Boston|Bristol|Brussels|Budapest|Cairo|Calgary|Cape Town|Chicago|Dallas|Denver|Dublin|Florence|Geneva|Hamburg|Helsinki|Istanbul|Kyoto|Lagos|Lima|Lisbon|London|Lyon|Madrid|Miami|Milan|Mumbai|Munich|Nairobi|Naples|Oslo|Ottawa|Paris|Porto|Prague|Quito|Rome|Seattle|Seoul|Sydney|Tokyo|Turin|Valencia|Vienna|Warsaw; country_code=>country; population=int 20000..15000000; is_capital=yn
language 120: country_code=>country; language=English|French|Spanish|Arabic|German|Portuguese|Swahili; is_official=T|F; percentage=real 0.5..100
mountain 40: mountain_id=key; mountain_name=*Black|White|Eagle|Wolf|Iron|Storm/Peak|Horn|Tooth|Ridge|Needle|Top|Crown; country_code=>country; height=int 800..7200; first_climbed=year 1850..1990?

rivers_and_dams | geography
river 25: river_id=key; river_name=*Upper|Lower|Green|Stone|Swan/Alder|Bourne|Calder|Dorn|Esk; length_km=int 40..2900; mouth=North Sea|Inner Bay|Lake Orm|Gulf of Tarn
dam 40: dam_id=key; dam_name=*Arden|Birk|Coldwell|Dunmore|Eagle|Fernhill|Glen|Hollow/Dam|Barrage|Weir|Reservoir|Works; river_id=>river; height=int 8..220; completed_year=year 1925..2018; power_mw=real 1..900?; purpose=power|irrigation|flood control|water supply
bridge 40: bridge_id=key; bridge_name=*Kings|Queens|Old|New|Iron|Stone|Friars|Market/Bridge|Crossing|Viaduct|Span|Arch; river_id=>river; length_m=int 30..2600; bridge_type=arch|beam|suspension|cable-stayed; opened=year 1780..2020

charity_events | charity
donors 50: donor_id=key; donor_name=person; city=city; member_since=year 2001..2023
campaigns 15: campaign_id=key; campaign_name=*Clean|Warm|Bright|Safe/Water|Homes|Futures|Meals; target_amount=int 5000..300000; start_date=date 2018..2023; cause=children|health|environment|housing
donations 170: donation_id=key; donor_id=>donors; campaign_id=>campaigns; amount=money 5..4000; donated_on=date 2018..2023; method=card|cash|transfer
volunteers 45: volunteer_id=key; volunteer_name=person; age=int 16..78; campaign_id=>campaigns?

restaurant_guide | food
restaurants 35: restaurant_id=key; name=*Golden|Little|Old|Blue|Happy|Royal/Spoon|Kitchen|Lantern|Garden|Table|Dragon|Oven; cuisine=Italian|Thai|Indian|French|Mexican; city=city; rating=real 1.5..5; price_level=cheap|moderate|expensive; opened_year=year 1975..2023
chefs 30: chef_id=key; chef_name=person; restaurant_id=>restaurants!; years_experience=int 1..40; signature_dish=*Grilled|Baked|Roast|Smoked|Stuffed|Glazed/Salmon|Duck|Aubergine|Lamb|Trout|Squash
dishes 100: dish_id=key; dish_name=*Spicy|Creamy|Green|House|Summer|Rustic|Crispy|Slow/Curry|Soup|Salad|Noodles|Risotto|Stew|Pie|Tacos|Pasta|Ravioli|Dumplings|Cake|Wrap; restaurant_id=>restaurants; price=money 4..48; vegetarian=yn; calories=int 120..1400
reviews 150: review_id=key; restaurant_id=>restaurants; reviewer=person; stars=int 1..5; review_date=date 2020..2023

recipes_box | food | nofk
cook 20: cook_id=key; nickname=*Sweet|Salty|Smoky|Sour/Anna|Bob|Carla|Dan|Eva|Finn; country=country
recipe 60: recipe_id=key; title=*Easy|Quick|Grandma's|Sunday|Festive|Vegan/Pancakes|Goulash|Lasagne|Muffins|Paella|Chili|Bread|Pickles|Stew|Tart; cook_id=>cook; prep_minutes=int 5..90; servings=int 1..12; difficulty=easy|medium|hard
ingredient 30: ingredient_id=key; ingredient_name=*Basil|Butter|Cheese|Chicken|Cinnamon|Cream|Eggs|Flour|Garlic|Ginger|Honey|Lemon|Lentils|Milk|Mushrooms|Mustard|Oil|Onion|Paprika|Parsley|Pepper|Potato|Rice|Salt|Spinach|Sugar|Thyme|Tomato|Vanilla|Yeast; calories_per_100g=int 5..900
recipe_ingredient 200: recipe_id=>recipe; ingredient_id=>ingredient; grams=int 2..900
"""
