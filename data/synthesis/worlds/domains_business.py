# ruff: noqa: E501
"""Databases of trade and work. The notation is explained in data/synthesis/worlds/worlds.py."""

WORLDS = """
book_shop | retail
customers 60: customer_id=key; first_name=first; last_name=last; email=email?; city=city; joined_on=date 2017..2023
authors 30: author_id=key; name=person; nationality=country; birth_year=year 1930..1990
books 70: book_id=key; title=*Silent|Last|Hidden|Broken|Golden|Distant|Paper|Winter/Harbour|Orchard|Letters|Station|Garden|Mirror|Voyage|Kingdom; author_id=>authors; genre=novel|crime|history|travel|poetry|science; price=money 6..45; pages=int 90..900; published_year=year 1975..2023
orders 120: order_id=key 1000; customer_id=>customers; order_date=date 2020..2023; shipped_on=date 2020..2023?; status=shipped|pending|cancelled|returned
order_items 200: order_id=>orders; book_id=>books; quantity=int 1..5

corner_market | retail | typed
Category 8: CategoryID=key; CategoryName=*Bakery|Dairy|Drinks|Fruit|Frozen Food|Household|Snacks|Vegetables; Aisle=int 1..9
Supplier 15: SupplierID=key; CompanyName=*Northern|Blue Ridge|Atlas|Pioneer|Summit/Foods|Trading|Farms; Country=country; Phone=phone
Product 60: ProductID=key; ProductName=*Organic|Fresh|Family|Classic|Light|Spicy/Bread|Milk|Juice|Apples|Pizza|Soap|Crackers|Carrots|Cheese|Tea; SupplierID=>Supplier; CategoryID=>Category; UnitPrice=money 1..30; UnitsInStock=int 0..200; Discontinued=flag
Sale 150: SaleID=key; ProductID=>Product; SaleDate=date 2021..2023; Quantity=int 1..20; Discount=real 0..0.4?

wholesale_erp | wholesale | nokeys
cust 50: cust_id=key; cust_name=company; cust_city=city; cr_limit=int 1000..90000; rep_no=>reps
reps 12: rep_no=key 10; fname=first; lname=last; comm_pct=real 1..9; hired=year 2001..2022
parts 50: part_no=code P; descr=*Steel|Brass|Copper|Rubber|Nylon/Bolt|Washer|Hinge|Valve|Bracket|Gasket; on_hand=int 0..500; whse=north|south|east; unit_price=money 1..90
ord 110: ord_no=key 2100; cust_id=>cust; ord_dt=date 2021..2023; paid=yn
ord_line 180: ord_no=>ord; part_no=>parts; qty=int 1..60; quoted_price=money 1..95

company_hr | payroll
departments 9: department_id=key; department_name=*Accounting|Engineering|Legal|Logistics|Marketing|Purchasing|Research|Sales|Support; location=city; budget=int 100000..2000000
jobs 10: job_id=key; job_title=*Accountant|Analyst|Assistant|Clerk|Consultant|Designer|Developer|Manager|Recruiter|Technician; min_salary=int 25000..45000; max_salary=int 60000..120000
employees 90: employee_id=key 100; first_name=first; last_name=last; gender=F|M; hire_date=date 2008..2023; salary=int 26000..118000; job_id=>jobs; department_id=>departments?; manager_id=>employees
trainings 14: training_id=key; topic=*Basic|Advanced/Safety|Spreadsheets|Negotiation|Leadership|Writing|Statistics|Security; days=int 1..6; cost=money 200..2500
training_attendance 130: employee_id=>employees; training_id=>trainings; attended_on=date 2020..2023; passed=yn

payrollLite | payroll
dept 7: deptNo=code D; deptName=*Finance|Operations|Human Resources|Quality|Sales|Stores|Transport; floor=int 1..6
emp 70: empNo=key 7000; eName=person; job=clerk|driver|engineer|manager|analyst; sal=int 18000..95000; comm=int 100..3000?; hireDate=date 2005..2023; deptNo=>dept; mentorNo=>emp
payslip 150: slipNo=key; empNo=>emp; payMonth=January|February|March|April|May|June; gross=money 1500..8000; tax=money 200..2400
timeOff 90: empNo=>emp; kind=holiday|sick leave|parental leave|unpaid leave; daysTaken=int 1..15; startDate=date 2022..2023

city_bank | banking
branches 12: branch_id=key; branch_name=*Old|New|West|East/Market|Station|Harbour; city=city; opened_year=year 1950..2018; assets=int 2000000..90000000
customers 60: cust_id=key; cust_name=person; city=city; credit_score=int 420..850; branch_id=>branches
accounts 100: account_no=key 50001; cust_id=>customers; account_type=checking|savings|deposit; balance=money 10..40000; opened_on=date 2010..2023
loans 50: loan_id=key; cust_id=>customers; loan_type=mortgage|car|student|personal; amount=int 1000..300000; interest_rate=real 1..9; start_date=date 2012..2023
transactions 180: transaction_id=key; account_no=>accounts; transaction_date=date 2022..2023; amount=money 1..3000; transaction_type=deposit|withdrawal|transfer|fee

insurance_claims | insurance | typed
Policyholder 50: holder_id=key; full_name=person; date_of_birth=date 1945..2003; home_city=city
Policy 80: policy_number=code PL; holder_id=>Policyholder; policy_type=home|car|life|travel|health; annual_premium=money 90..2800; start_date=date 2014..2023; end_date=date 2024..2030?
Adjuster 10: adjuster_id=key; name=person; region=north|south|east|west; years_experience=int 1..30
Claim 90: claim_id=key; policy_number=>Policy; adjuster_id=>Adjuster?; claim_date=date 2019..2023; amount_claimed=money 100..20000; amount_settled=money 50..15000?; outcome=approved|rejected|open

real_estate | housing
agents 15: agent_id=key; agent_name=person; phone=phone; years_with_firm=int 1..25
properties 70: property_id=key; street_address=street; city=city; property_type=apartment|house|studio|villa; bedrooms=int 1..6; floor_area=int 30..320; asking_price=int 80000..1500000; year_built=year 1900..2022; agent_id=>agents
viewings 110: viewing_id=key; property_id=>properties; visitor_name=person; viewing_date=date 2022..2023; feedback=liked|unsure|disliked?
sales 35: sale_id=key; property_id=>properties!; sale_price=int 75000..1400000; sold_on=date 2022..2023; buyer_name=person

HotelChain | hospitality
Hotel 16: HotelId=key; HotelName=*Grand|Royal|Park|Sea View|Central/Palace|Inn|Lodge|Plaza; City=city; Stars=int 1..5; OpenedYear=year 1920..2020
Room 90: RoomId=key; HotelId=>Hotel; RoomNumber=int 101..620; RoomType=single|double|suite|family; NightlyPrice=money 40..480
Guest 70: GuestId=key; FirstName=first; LastName=last; Country=country; VipMember=flag
Reservation 150: ReservationId=key; RoomId=>Room; GuestId=>Guest; CheckIn=date 2022..2023; Nights=int 1..14; Canceled=flag

car_rental | vehicles
locations 12: location_id=key; location_name=*Airport|Downtown|Harbour|Station|University|Stadium/North|South; city=city
vehicles 60: vehicle_id=key; model=*Comet|Falcon|Breeze|Titan|Pixie|Nomad/S|GT|Plus|X; maker=Arvo|Belmar|Corvina|Dastan|Elio; daily_rate=money 20..190; seats=2|4|5|7; model_year=year 2012..2023; fuel=petrol|diesel|electric|hybrid; location_id=>locations
renters 50: renter_id=key; fname=first; lname=last; licence_country=country; age=int 19..80
rentals 130: rental_id=key; vehicle_id=>vehicles; renter_id=>renters; pickup_date=date 2021..2023; days=int 1..21; total_cost=money 30..2800

freight | logistics | nofk
warehouse 10: wh_code=code WH; city=city; capacity=int 500..9000; manager_name=person
truck 25: truck_id=key; plate_no=*KA|LB|MC|ND|PE/101|202|303|404|505|606; max_load=int 2000..24000; purchase_year=year 2008..2023
driver 25: driver_id=key; driver_name=person; licence_class=B|C|CE; birth_year=year 1960..2001
shipment 130: shipment_id=key; wh_code=>warehouse; truck_id=>truck; driver_id=>driver; weight_kg=int 100..20000; shipped_on=date 2021..2023; status=delivered|in transit|delayed|lost

software_projects | software
developers 40: developer_id=key; login=*red|blue|quick|lazy|brave|tiny/fox|owl|bear|wolf|crab|lynx|moth; country=country; years_experience=int 0..25
projects 25: project_id=key; project_name=*Open|Super|Micro|Turbo|Clear/Parser|Engine|Editor|Router|Cache; language=Python|Java|Rust|Go|C; stars=int 0..9000; created_year=year 2008..2023
contributions 140: developer_id=>developers; project_id=>projects; commits=int 1..400; role=author|reviewer|maintainer|tester
issues 120: issue_id=key; project_id=>projects; reported_by=>developers?; severity=low|medium|high|critical; opened_on=date 2020..2023; closed=yn

energy_utility | energy
Households 60: household_id=key; owner_name=person; street=street; residents=int 1..7; has_solar=yn
Tariffs 6: tariff_id=key; tariff_name=*Basic|Night Saver|Green Plus|Fixed 24|Flexible|Business; price_per_kwh=real 0.1..0.6; standing_charge=money 4..20
Meters 70: meter_id=key; household_id=>Households; tariff_id=>Tariffs; installed_on=date 2009..2022; meter_type=electricity|gas|water
Readings 180: reading_id=key; meter_id=>Meters; reading_date=date 2022..2023; units=real 10..900
"""
