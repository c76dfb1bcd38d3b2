# ruff: noqa: E501
"""Databases of health, schools, farms and nature. The notation is explained in data/synthesis/worlds/worlds.py."""

WORLDS = """
clinic | medicine
doctors 20: doctor_id=key; name=person; specialty=cardiology|dermatology|neurology|pediatrics|surgery|general practice; years_of_practice=int 1..38; salary=int 60000..240000
patients 80: patient_id=key; name=person; gender=female|male; date_of_birth=date 1935..2018; city=city; blood_type=A|B|AB|O?
appointments 170: appointment_id=key; patient_id=>patients; doctor_id=>doctors; appointment_date=date 2021..2023; reason=checkup|fever|back pain|allergy|follow-up; fee=money 30..400
prescriptions 110: prescription_id=key; appointment_id=>appointments; drug=Amoxin|Belsaril|Cortal|Dolorex|Fenamil; dosage_mg=int 5..500; days=int 3..30

HospitalWards | medicine | typed
Ward 9: ward_code=code W; ward_name=*Cardiac Care|Children|Emergency|Intensive Care|Maternity|Oncology|Orthopedics|Surgery|Neurology; floor=int 1..6; number_of_beds=int 8..40
Nurse 45: nurse_id=key; first_name=first; last_name=last; grade=junior|senior|head; ward_code=>Ward; hire_date=date 2006..2023
Patient 70: ssn=key 900100; full_name=person; age=int 1..95; city=city
Stay 110: stay_id=key; ssn=>Patient; ward_code=>Ward; admitted=date 2022..2023; nights=int 1..40; diagnosis=fracture|infection|stroke|asthma|diabetes?

vet_practice | animals
owners 45: owner_id=key; first_name=first; last_name=last; phone=phone?; city=city
pets 80: pet_id=key; pet_name=Bella|Max|Luna|Rocky|Coco|Milo|Daisy|Oscar|Nala|Simba; species=dog|cat|rabbit|hamster|parrot; birth_year=year 2008..2023; weight=real 0.3..45; owner_id=>owners
vets 8: vet_id=key; vet_name=person; graduated=year 1985..2018
visits 140: visit_id=key; pet_id=>pets; vet_id=>vets; visit_date=date 2021..2023; treatment=vaccination|dental cleaning|surgery|checkup; charge=money 20..600

university | education
department 9: dept_name=code Dept; building=Taylor|Watson|Packard|Painter; budget=int 50000..900000
instructor 35: ID=key 10000; name=person; dept_name=>department; salary=int 45000..130000
student 80: ID=key 20000; name=person; dept_name=>department; tot_cred=int 0..140
course 40: course_id=code CS; title=*Introduction to|Advanced|Applied|Topics in/Algebra|Biology|Databases|Economics|Genetics|Logic|Optics|Robotics|Statistics; dept_name=>department; credits=2|3|4|6
teaches 60: instructor_id=>instructor; course_id=>course; semester=Fall|Spring|Summer; year=year 2018..2023
takes 200: student_id=>student; course_id=>course; grade=A|B|C|D|F?

high_school | education
teachers 22: teacher_id=key; fname=first; lname=last; subject=mathematics|physics|history|English|music|art; age=int 25..64
classes 20: class_id=key; class_name=*7|8|9|10|11|12/A|B|C|D; room=int 101..240; teacher_id=>teachers!
students 100: stu_id=key; fname=first; lname=last; age=int 11..19; sex=F|M; home_town=city; class_id=>classes
clubs 9: club_id=key; club_name=*Chess|Drama|Debate|Robotics|Choir|Photography|Football|Gardening|Cooking; meeting_day=Monday|Tuesday|Wednesday|Thursday|Friday
club_members 120: stu_id=>students; club_id=>clubs; position=member|president|secretary|treasurer

onlineCourses | education
Users 60: userId=key; userName=person; country=country; signupDate=date 2018..2023; premium=flag
Courses 30: courseId=key; courseTitle=*Learn|Master|Practical|Modern/Drawing|Guitar|Spanish|Coding|Baking|Yoga|Writing; level=beginner|intermediate|advanced; durationHours=int 2..60; price=money 5..200
Enrollments 160: userId=>Users; courseId=>Courses; enrolledOn=date 2019..2023; progress=int 0..100; completed=flag
Reviews 90: reviewId=key; courseId=>Courses; userId=>Users; stars=int 1..5; reviewDate=date 2020..2023

family_farm | farming
farms 14: farm_id=key; farm_name=*Green|Willow|Stony|Sunny|River/Acres|Hill|Meadow|Hollow; county=Alder|Birch|Cedar|Dale; hectares=int 8..400; owner=person
crops 12: crop_id=key; crop_name=*Barley|Beans|Carrots|Corn|Lettuce|Oats|Onions|Peas|Potatoes|Rye|Sugar Beet|Wheat; season=spring|summer|autumn|winter; days_to_harvest=int 40..220
plantings 90: planting_id=key; farm_id=>farms; crop_id=>crops; planted_on=date 2020..2023; area=real 0.5..60; yield_tonnes=real 1..300?
livestock 110: animal_id=key; farm_id=>farms; kind=cow|sheep|goat|pig|chicken; breed=Ansel|Brindle|Corran|Dunley; weight=real 2..800; born_on=date 2014..2023; mother_id=>livestock

orchardLog | farming | nokeys
growers 15: grower_code=code G; grower=company; district=North Valley|South Valley|Lakeside|Uplands; certified_organic=yn
trees 100: tree_no=key; grower_code=>growers; variety=Ambrosia|Braeburn|Conference|Golden Glow|Royal Red; fruit=apple|pear|cherry; planted_year=year 1985..2020; height_m=real 1.5..9
harvests 150: tree_no=>trees; harvest_date=date 2020..2023; kilos=real 2..120; quality=first|second|juice

city_zoo | animals | typed
Enclosure 14: EnclosureID=key; EnclosureName=*Savanna|Arctic|Jungle|Desert|Ocean|Wetland|Mountain/East|West; Area=int 100..9000; OpenedYear=year 1960..2021
Species 25: SpeciesID=key; CommonName=*African|Asian|Arctic|Giant|Red/Elephant|Fox|Otter|Panda|Tortoise|Wolf; Class=mammal|bird|reptile|fish; Endangered=yn
Animal 80: AnimalID=key; AnimalName=*Akira|Bongo|Cleo|Dumbo|Echo|Gala|Hobo|Inka|Kito|Loki/Junior|Senior|the First|the Second|the Third|Blue|Red|Star; SpeciesID=>Species; EnclosureID=>Enclosure; BirthYear=year 1985..2023; Weight=real 0.5..4000
Keeper 18: KeeperID=key; KeeperName=person; HireDate=date 2004..2023
Keeper_Enclosure 35: KeeperID=>Keeper; EnclosureID=>Enclosure; Shift=morning|evening|night

bird_survey | ecology
observers 25: observer_id=key; observer_name=person; home_region=north|south|east|west; experience_years=int 0..40
sites 18: site_id=key; site_name=*Reed|Heron|Gull|Sandy|Old/Lake|Marsh|Point|Wood; latitude=real 45..60; longitude=real 1..25; elevation=int 0..1400; protected=flag
bird_species 30: species_code=code BS; common_name=*Common|Lesser|Great|Marsh|Black/Gull|Heron|Owl|Tern|Warbler|Woodpecker; wingspan_cm=int 15..220; status=common|rare|endangered|vagrant
sightings 190: sighting_id=key; site_id=>sites; observer_id=>observers; species_code=>bird_species; seen_on=date 2020..2023; number_seen=int 1..200

national_parks | ecology
Parks 16: park_id=key; park name=*Blue|Crystal|Eagle|Silver|Thunder/Canyon|Falls|Peaks|Forest; state=Alba|Corona|Delmar|Esper|Fargo; area sq km=int 50..9000; established=year 1890..2005
Trails 60: trail_id=key; trail name=*Ridge|Loop|Creek|Summit|Waterfall|Pine|Bear|Moose/Trail|Path|Walk|Route; park_id=>Parks; length km=real 1..48; difficulty=easy|moderate|hard
Rangers 30: ranger_id=key; ranger name=person; park_id=>Parks; years of service=int 1..35
Visitors 120: visit_id=key; park_id=>Parks; visit month=May|June|July|August|September; visit year=year 2018..2023; number of visitors=int 100..90000

weather_net | weather
stations 20: station_id=code ST; station_name=*North|South|Upper|Lower|Port/Ridge|Bay|Valley|Field|Point; region=coast|plains|mountains|islands; elevation=int 0..2600; installed_year=year 1950..2020
daily_weather 200: record_id=key; station_id=>stations; obs_date=date 2020..2023; max_temp=real -5..41; min_temp=real -25..20; precipitation=real 0..80; condition=sunny|cloudy|rain|snow|storm
alerts 50: alert_id=key; station_id=>stations; issued_on=date 2021..2023; alert_type=wind|flood|heat|frost; severity=yellow|orange|red
"""
